"""Tiny promptable models of the real classes with random weights, as folders that `save_pretrained` writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data
import torch

from container.structures import Masks, Prompt

SIDE = 128  # of the pictures that they see
LOW_RES = 32  # of the masks that they make
CHANNELS = 32  # of embeddings

SIZES = [(480, 640), (SIDE, SIDE), (1, 1), (3000, 20), (17, 480)]
MASK = np.random.default_rng(0).normal(0, 5, (LOW_RES, LOW_RES)).astype(np.float32)
# Points and their labels, a box, a mask input.
PROMPTS: dict[str, tuple[list[list[float]], list[int], list[float] | None, np.ndarray | None]] = {
    "point": ([[200, 100]], [1], None, None),
    "points": ([[200, 100], [30.25, 400.5], [600, 20]], [1, 0, 1], None, None),
    "box": ([], [], [50, 60.5, 300, 400], None),
    "box and points": ([[200, 100], [90, 90]], [1, 0], [50, 60, 300, 400], None),
    "outside": ([[-50, 9000]], [1], [-10, -10, 5000, 5000], None),
    "mask and point": ([[200, 100]], [1], None, MASK),
    "mask and box": ([], [], [50, 60, 300, 400], MASK),
}


def tiny_sam(folder: Path, seed: int = 0, side: int = SIDE, **vision: Any) -> Path:
    """Write a SAM with config.json, model.safetensors and preprocessor_config.json into `folder`; return that.

    It sees `side`×`side` pixels; `vision` are other values of its encoder's configuration.
    """
    from transformers import SamConfig, SamImageProcessor, SamModel

    config = SamConfig(
        vision_config={
            "hidden_size": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "global_attn_indexes": [1],
            "image_size": side,
            "window_size": 3,
            "output_channels": CHANNELS,
            "num_pos_feats": CHANNELS // 2,
            **vision,
        },
        prompt_encoder_config={"hidden_size": CHANNELS, "image_size": side},
        mask_decoder_config={
            "hidden_size": CHANNELS,
            "mlp_dim": 64,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": CHANNELS,
        },
    )
    processor = SamImageProcessor(
        size={"longest_edge": side},
        pad_size={"height": side, "width": side},
        mask_size={"longest_edge": side // 4},
        mask_pad_size={"height": side // 4, "width": side // 4},
    )
    return _written(folder, SamModel(config), processor, seed)


def tiny_sam2(folder: Path, seed: int = 0) -> Path:
    """Write a SAM 2 with config.json, model.safetensors and preprocessor_config.json into `folder`; return that."""
    from transformers import Sam2Config, Sam2ImageProcessor, Sam2Model

    widths = [8, 16, 32, 64]
    config = Sam2Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 8,
                "image_size": [SIDE, SIDE],
                "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": widths,
                "global_attention_blocks": [3],
                "num_attention_heads_per_stage": [1, 1, 2, 2],
                "window_size_per_stage": [8, 4, 4, 2],
            },
            "backbone_channel_list": widths[::-1],
            "fpn_hidden_size": CHANNELS,
            "backbone_feature_sizes": [[SIDE // stride, SIDE // stride] for stride in (4, 8, 16)],
        },
        prompt_encoder_config={"hidden_size": CHANNELS, "image_size": SIDE},
        mask_decoder_config={
            "hidden_size": CHANNELS,
            "mlp_dim": 64,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": CHANNELS,
        },
    )
    processor = Sam2ImageProcessor(
        size={"height": SIDE, "width": SIDE}, mask_size={"height": LOW_RES, "width": LOW_RES}
    )
    return _written(folder, Sam2Model(config), processor, seed)


class Direct:
    """What transformers answers for a SAM or a SAM 2, as its documentation calls them."""

    def __init__(self, folder: Path) -> None:
        from transformers import (
            Sam2ImageProcessor,
            Sam2Model,
            Sam2Processor,
            SamImageProcessor,
            SamModel,
            SamProcessor,
        )

        second = json.loads((folder / "config.json").read_text())["model_type"] == "sam2"
        self.model = (Sam2Model if second else SamModel).from_pretrained(folder).eval()
        images = (Sam2ImageProcessor if second else SamImageProcessor).from_pretrained(folder)
        self.processor = (Sam2Processor if second else SamProcessor)(images)

    def inputs(self, pixels: np.ndarray, points: Any = (), labels: Any = (), box: Any = None) -> Any:
        """What the model takes."""
        return self.processor(
            np.array(pixels), input_data_format="channels_last", return_tensors="pt",  # torch wants what it may write
            input_points=[[points]] if points else None, input_labels=[[labels]] if points else None,
            input_boxes=[[box]] if box else None,
        )  # fmt: skip

    def answer(self, inputs: Any, multimask: bool, mask: np.ndarray | None = None) -> tuple[np.ndarray, ...]:
        """Low-resolution logits, scores and masks."""
        sizes = [inputs.pop(name) for name in ("original_sizes", "reshaped_input_sizes") if name in inputs]
        if mask is not None:
            inputs["input_masks"] = torch.from_numpy(mask)[None, None]
        with torch.no_grad():
            found = self.model(**inputs, multimask_output=multimask)
        masks = self.processor.post_process_masks(found.pred_masks, *sizes)[0]
        return found.pred_masks[0, 0].numpy(), found.iou_scores[0, 0].numpy(), masks[0].numpy()


def _written(folder: Path, model: Any, processor: Any, seed: int) -> Path:
    """Write a model whose weights are large enough that its masks follow the picture and the prompt."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, one in sorted({**dict(model.named_parameters()), **dict(model.named_buffers())}.items()):
            width = one[0].numel() if one.dim() > 1 else 1
            scale = 1.0 if "embed" in name or "token" in name else width**-0.5
            if "norm" in name or one.dim() == 1:
                scale = 0.1
            one.normal_(generator=generator).mul_(scale).add_("norm" in name and name.endswith("weight"))
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def loaded(architecture: str, folder: Path) -> Any:
    """Return the engine of a model on one thread of the CPU."""
    from container.engines import base, runtime
    from container.structures import ModelSpec

    return base.load(ModelSpec(folder.name, architecture, folder), runtime.start("cpu", "fp32", 1, "torch"))


def picture(height: int, width: int) -> np.ndarray:
    """Return part of a photo, at 480×640 a face and a rocket; around it the photo is repeated."""
    return np.resize(skimage.data.astronaut(), (max(height, 512), max(width, 512), 3))[:height, :width].copy()


def bitmaps(masks: Masks) -> np.ndarray:
    """Return all masks as bool N×H×W."""
    return np.stack([masks.bitmap(i) for i in range(len(masks))]).astype(bool)


def prompt(name: str) -> Prompt:
    """Return one of PROMPTS."""
    points, labels, box, mask = PROMPTS[name]
    corners = None if box is None else np.array(box, np.float32)
    return Prompt(np.array(points, np.float32).reshape(-1, 2), np.array(labels, np.int64), corners, mask)
