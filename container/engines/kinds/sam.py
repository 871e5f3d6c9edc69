"""Segment Anything (SAM) of transformers: ViT-B, ViT-L, ViT-H and others of its class."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import interpolate, scaled_dot_product_attention

from container.cancellation import checkpoint
from container.engines import meta_sam
from container.engines.base import architectures
from container.engines.huggingface import Config, Folder
from container.engines.runtime import Runtime
from container.engines.segment_anything import SegmentAnythingEngine
from container.engines.tensors import to_array
from container.errors import BadImage
from container.structures import Embedding, ModelSpec, Prompt


class SamEngine(SegmentAnythingEngine):
    """A picture lies at the top left of the square, as large as it fits."""

    task = "sam"
    coordinates = torch.float64

    def shape(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) of a picture in the square; BadImage for one that would be less than a pixel."""
        side, longest = self._processor.size.longest_edge, max(image_size)
        height, width = (int(one * (side * 1.0 / longest) + 0.5) for one in image_size)
        if not height or not width:
            raise BadImage(
                f"the picture has {image_size[1]}×{image_size[0]} pixels, and nothing is left of the short side when "
                f"the long one is resized to {side}: cut the picture into parts"
            )
        return height, width

    def inputs(self, embedding: Embedding, prompt: Prompt) -> dict[str, torch.Tensor]:
        """Return the arguments of the network; a prompt of neither points nor a box has one point of padding."""
        found = super().inputs(embedding, prompt)
        if "input_points" not in found and "input_boxes" not in found:  # the network itself adds the padding
            found |= {"input_points": torch.zeros(1, 1, 0, 2), "input_labels": torch.zeros(1, 1, 0, dtype=torch.int64)}
        return found

    def enlarged(self, low_res: np.ndarray, embedding: Embedding) -> np.ndarray:
        """Return float32 h×w logits as H×W: resized to the square, and the picture's part of it to the picture."""
        side = self._processor.size.longest_edge
        height, width = self.shape(embedding.image_size)
        logits = torch.from_numpy(low_res).to(self._runtime.device)[None, None]
        with torch.inference_mode():
            whole = interpolate(logits, (side, side), mode="bilinear", align_corners=False)[..., :height, :width]
            return to_array(interpolate(whole, embedding.image_size, mode="bilinear", align_corners=False)[0, 0])


def _by_head(attention: Any, hidden_states: torch.Tensor, output_attentions: bool = False) -> tuple[torch.Tensor, None]:
    """Return what `forward` of transformers' SamVisionSdpaAttention returns, bit by bit, one head at a time.

    That makes the biases of all heads at once: 0.8 GB of a ViT-B and 1.07 GB of a ViT-H, twice. Embedding a picture
    takes as long, and a ViT-B's peak of memory is 1.4 GB lower.
    """
    batch, height, width, _ = hidden_states.shape
    heads, tokens = attention.num_attention_heads, height * width
    numbers = attention.qkv(hidden_states).reshape(batch, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
    queries, keys, values = numbers.reshape(3, batch * heads, tokens, -1).unbind(0)
    grid = queries.reshape(batch * heads, height, width, -1)
    rows = torch.einsum("bhwc,hkc->bhwk", grid, attention.get_rel_pos(height, height, attention.rel_pos_h))
    columns = torch.einsum("bhwc,wkc->bhwk", grid, attention.get_rel_pos(width, width, attention.rel_pos_w))
    seen = torch.empty_like(queries)
    for i in range(batch * heads):
        checkpoint()
        bias = (rows[i, :, :, :, None] + columns[i, :, :, None, :]).reshape(tokens, tokens)
        query, key, value = (one[None, None, i] for one in (queries, keys, values))
        seen[i] = scaled_dot_product_attention(query, key, value, attn_mask=bias[None, None])[0, 0]
    together = seen.view(batch, heads, height, width, -1).permute(0, 2, 3, 1, 4).reshape(batch, height, width, -1)
    return attention.proj(together), None


class Sam(Folder):
    """Networks of SamModel."""

    kind = "promptable segmentation"
    model_types = ("sam",)
    model, processor = "SamModel", "SamImageProcessor"
    config = Config(
        "SamConfig",
        {
            "vision_config": Config("SamVisionConfig"),
            "prompt_encoder_config": Config("SamPromptEncoderConfig"),
            "mask_decoder_config": Config("SamMaskDecoderConfig"),
        },
    )

    def pack(self, spec: ModelSpec, folder: Path) -> None:
        """Write one of Meta's own files as a folder."""
        assert isinstance(spec.weights, Path)
        meta_sam.convert(spec.weights, folder)

    def side(self, config: Any) -> Any:
        """Return that of the encoder."""
        return config.vision_config.image_size

    def sizes(self, side: int) -> Mapping[str, Any]:
        """Return the long side of a resized picture, and the square that it is padded to."""
        return {"size": {"longest_edge": side}, "pad_size": {"height": side, "width": side}}

    def trial(self, module: Any, side: int) -> None:
        """Run the encoder, and the decoder with every kind of prompt."""
        parts = module.get_image_embeddings(torch.zeros(1, 3, side, side))
        points = {"input_points": torch.zeros(1, 1, 1, 2), "input_labels": torch.zeros(1, 1, 1)}
        found = module(image_embeddings=parts, input_boxes=torch.zeros(1, 1, 4), **points)
        module(image_embeddings=parts, input_masks=found.pred_masks[:, 0, :1], multimask_output=False, **points)

    def engine(self, spec: ModelSpec, module: Any, processor: Any, runtime: Runtime) -> SamEngine:
        """Return the engine of a network on its device."""
        layers = module.vision_encoder.layers
        if runtime.device.type == "cpu":
            for layer in layers:
                if not layer.window_size and layer.attn.use_rel_pos:
                    layer.attn.forward = partial(_by_head, layer.attn)
        return SamEngine(spec, module, processor, runtime, layers)


architectures.add("sam", Sam())
