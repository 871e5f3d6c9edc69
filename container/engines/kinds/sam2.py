"""Segment Anything 2 (SAM 2) of transformers, for pictures: Hiera tiny to large and others of its class."""

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
from container.structures import Embedding, ModelSpec


class Sam2Engine(SegmentAnythingEngine):
    """A picture fills the square, whatever its aspect ratio."""

    task = "sam2"
    coordinates = torch.float32

    def shape(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Return the square."""
        return self._processor.size.height, self._processor.size.width

    def enlarged(self, low_res: np.ndarray, embedding: Embedding) -> np.ndarray:
        """Return float32 h×w logits as H×W, resized."""
        logits = torch.from_numpy(low_res).to(self._runtime.device)[None, None]
        with torch.inference_mode():
            return to_array(interpolate(logits, embedding.image_size, mode="bilinear", align_corners=False)[0, 0])


class Sam2(Folder):
    """Networks of Sam2Model; Meta's published folders are those of its larger sibling for videos."""

    kind = "promptable segmentation"
    model_types = ("sam2", "sam2_video")
    model, processor = "Sam2Model", "Sam2ImageProcessor"
    config = Config(
        "Sam2Config",
        {
            "vision_config": Config("Sam2VisionConfig", {"backbone_config": Config("Sam2HieraDetConfig")}),
            "prompt_encoder_config": Config("Sam2PromptEncoderConfig"),
            "mask_decoder_config": Config("Sam2MaskDecoderConfig"),
        },
    )

    def side(self, config: Any) -> Any:
        """Return that which the decoder scales points by; the encoder takes any."""
        return config.prompt_encoder_config.image_size

    def sizes(self, side: int) -> Mapping[str, Any]:
        """Return the size of a resized picture."""
        return {"size": {"height": side, "width": side}}

    def trial(self, module: Any, side: int) -> None:
        """Run the encoder, and the decoder with every kind of prompt."""
        parts = module.get_image_embeddings(torch.zeros(1, 3, side, side))
        points = {"input_points": torch.zeros(1, 1, 1, 2), "input_labels": torch.zeros(1, 1, 1, dtype=torch.int32)}
        found = module(image_embeddings=parts, input_boxes=torch.zeros(1, 1, 4), **points)
        module(image_embeddings=parts, input_masks=found.pred_masks[:, 0, :1], multimask_output=False)

    def engine(self, spec: ModelSpec, module: Any, processor: Any, runtime: Runtime) -> Sam2Engine:
        """Return the engine of a network on its device."""
        return Sam2Engine(spec, module, processor, runtime, module.vision_encoder.backbone.blocks)


architectures.add("sam2", Sam2())
