"""The engine of transformers' Segment Anything networks: what they are given and how their masks are enlarged.

All numbers are those of transformers' processors, so that answers equal those of its own examples.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from container.cancellation import checkpoint
from container.engines.promptable import Candidates, PromptEngine
from container.engines.runtime import Runtime
from container.engines.tensors import to_array
from container.structures import Embedding, ModelSpec, Prompt

MASK_SCALE = 4  # the side of low-resolution masks, in sides of the coarsest part of an embedding


class SegmentAnythingEngine(PromptEngine):
    """A network of transformers on its device; versions say where a picture lies in what the network sees."""

    coordinates: torch.dtype  # of points and boxes, as the version's processor computes them

    def __init__(self, spec: ModelSpec, module: Any, processor: Any, runtime: Runtime, layers: Iterable[Any]) -> None:
        """`layers` are those of the encoder: a query that nobody waits for ends before the next one."""
        super().__init__(spec)
        self._module = module
        self._processor = processor
        self._runtime = runtime
        for layer in layers:
            layer.register_forward_pre_hook(lambda *_: checkpoint())

    @property
    def mask_size(self) -> tuple[int, int]:
        """(height, width) of low-resolution masks."""
        height, width = self.shapes[-1][-2:]
        return MASK_SCALE * height, MASK_SCALE * width

    @abstractmethod
    def shape(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) of a picture in the square that the network sees; BadImage where it has none."""

    def embed(self, pixels: np.ndarray) -> Embedding:
        """Return what the encoder makes of uint8 H×W×3 RGB pixels, as float32 1×C×h×w, the coarsest part last."""
        size = pixels.shape[0], pixels.shape[1]
        self.shape(size)
        seen = self._processor(images=pixels, input_data_format="channels_last", return_tensors="pt")["pixel_values"]
        with torch.inference_mode(), self._runtime.autocast:
            parts = self._module.get_image_embeddings(seen.to(self._runtime.device))
        parts = parts if isinstance(parts, list) else [parts]
        return Embedding(tuple(to_array(part.float().contiguous()) for part in parts), size)

    def candidates(self, embedding: Embedding, prompt: Prompt, multimask: bool) -> Candidates:
        """Return three masks for a prompt if `multimask`, else one."""
        parts = [torch.from_numpy(part).to(self._runtime.device) for part in embedding.parts]
        inputs = self.inputs(embedding, prompt)
        with torch.inference_mode(), self._runtime.autocast:
            found = self._module(
                image_embeddings=parts if len(parts) > 1 else parts[0],
                multimask_output=multimask,
                **{name: value.to(self._runtime.device) for name, value in inputs.items()},
            )
        return Candidates(to_array(found.pred_masks[0, 0].float()), to_array(found.iou_scores[0, 0].float()))

    def inputs(self, embedding: Embedding, prompt: Prompt) -> dict[str, torch.Tensor]:
        """Return the arguments of the network for a prompt, one object of one picture."""
        found = {}
        if len(prompt.points):
            found["input_points"] = self._scaled(prompt.points, embedding.image_size)[None, None]
            found["input_labels"] = torch.from_numpy(prompt.labels.astype(np.int64))[None, None]
        if prompt.box is not None:
            corners = self._scaled(prompt.box.reshape(2, 2), embedding.image_size)
            found["input_boxes"] = corners.reshape(1, 1, 4)
        if prompt.mask is not None:
            found["input_masks"] = torch.from_numpy(np.ascontiguousarray(prompt.mask, np.float32))[None, None]
        return found

    def _scaled(self, points: np.ndarray, image_size: tuple[int, int]) -> torch.Tensor:
        """Return N×2 pixels of the picture as those of what the network sees."""
        (height, width), (down, across) = image_size, self.shape(image_size)
        scaled = torch.from_numpy(points).to(self.coordinates, copy=True)
        scaled[:, 0] *= across / width
        scaled[:, 1] *= down / height
        return scaled
