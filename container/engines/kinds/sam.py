"""Segment Anything (SAM) of transformers: ViT-B, ViT-L, ViT-H and others of its class."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn.functional import interpolate

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
        return SamEngine(spec, module, processor, runtime, module.vision_encoder.layers)


architectures.add("sam", Sam())
