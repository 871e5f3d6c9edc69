"""Segment Anything and its like as two ONNX files: an image encoder, and a decoder of prompts."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torchvision.transforms.functional import resize, to_pil_image

from container.engines import graph_trial, onnx_parameters
from container.engines.base import Architecture, architectures
from container.engines.onnx_parameters import Parameters
from container.engines.promptable import Candidates, PromptEngine
from container.engines.runtime import Runtime, openvino_installed
from container.errors import BadRequest, ModelError, Unprocessable
from container.files import made_by_macos
from container.structures import Embedding, ModelSpec, Prompt, is_weights

TOP_LEFT, BOTTOM_RIGHT, PADDING = 2, 3, -1  # labels of a decoder's points
SINGLE = 4  # masks, of which the first is for a prompt that says it all, and the others are three guesses


class PairEngine(PromptEngine):
    """The engine of an ONNX pair, which runs on the CPU by OpenVINO, on a server with a GPU, too.

    Pictures, points and masks are scaled as Meta's ResizeLongestSide, SamPredictor and postprocess_masks do it.
    """

    task = "sam"

    def __init__(self, spec: ModelSpec, pair: Any, encoder: Any, decoder: Any) -> None:
        """`pair` is an onnx_graphs.Pair, `encoder` and `decoder` are its compiled graphs."""
        super().__init__(spec)
        self._image, self._inputs, self._parts, self._scored = pair.image, pair.inputs, pair.parts, pair.scored
        self._encoder, self._decoder = encoder, decoder

    @property
    def mask_size(self) -> tuple[int, int] | None:
        """(height, width) of the decoder's mask_input; None if it has none."""
        wanted = self._inputs.get("mask_input")
        return None if wanted is None else (wanted.shape[-2], wanted.shape[-1])

    def embed(self, pixels: np.ndarray) -> Embedding:
        """Return the embedding of uint8 H×W×3 RGB pixels."""
        size = pixels.shape[0], pixels.shape[1]
        small = np.asarray(resize(to_pil_image(pixels), list(self._image.fitted(*size))))  # Pillow's bilinear filter
        parts = _run(self._encoder, {self._image.name: self._image.filled(small)})
        return Embedding(tuple(_finite(part.astype(np.float32, copy=False)) for part in parts), size)

    def candidates(self, embedding: Embedding, prompt: Prompt, multimask: bool) -> Candidates:
        """Return three masks for a prompt if `multimask`, else one, as far as the decoder makes them."""
        inputs = {**dict(zip(self._parts, embedding.parts, strict=True)), **self._asked(embedding, prompt)}
        found = _run(self._decoder, {name: value.astype(self._inputs[name].dtype) for name, value in inputs.items()})
        masks = _finite(found[0].astype(np.float32, copy=False).reshape(-1, *found[0].shape[-2:]))
        scores = found[1].astype(np.float32).reshape(-1) if self._scored else np.ones(len(masks), np.float32)
        if len(masks) == SINGLE:
            chosen = slice(1, None) if multimask else slice(0, 1)
        else:
            best = int(np.argmax(np.nan_to_num(scores)))
            chosen = slice(None) if multimask else slice(best, best + 1)
        return Candidates(masks[chosen], scores[chosen])

    def enlarged(self, low_res: np.ndarray, embedding: Embedding) -> np.ndarray:
        """Return float32 h×w logits of one mask as float32 H×W logits in the picture."""
        height, width = self._image.fitted(*embedding.image_size)
        square = _resized(torch.from_numpy(low_res)[None, None], (self._image.long_side,) * 2)
        return _resized(square[..., :height, :width], embedding.image_size)[0, 0].numpy()

    def _asked(self, embedding: Embedding, prompt: Prompt) -> dict[str, np.ndarray]:
        """Return the decoder's inputs for a prompt: points in the picture as the encoder sees it, labels, a mask."""
        points, labels = [prompt.points], [prompt.labels]
        if prompt.box is None:
            points, labels = [*points, np.zeros((1, 2))], [*labels, np.array([PADDING])]
        else:
            points, labels = [*points, prompt.box.reshape(2, 2)], [*labels, np.array([TOP_LEFT, BOTTOM_RIGHT])]
        (height, width), (new_height, new_width) = embedding.image_size, self._image.fitted(*embedding.image_size)
        coordinates = np.concatenate(points).astype(np.float32) * np.array(
            [new_width / width, new_height / height], np.float32
        )
        return {**self._points(coordinates, np.concatenate(labels)), **self._mask(prompt.mask)}

    def _points(self, coordinates: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
        shape = self._inputs["point_coords"].shape
        room, count = shape[-2], len(labels)
        if 0 <= room < count:
            raise BadRequest(f"the prompt has {count} points, padding and corners of a box included; it takes {room}")
        missing = max(0, room - count)
        coordinates = np.pad(coordinates, ((0, missing), (0, 0)))
        labels = np.pad(labels, (0, missing), constant_values=PADDING)
        if np.issubdtype(self._inputs["point_coords"].dtype, np.integer):
            coordinates = coordinates.round()
        return {
            "point_coords": coordinates.reshape(*shape[:-2], -1, 2),
            "point_labels": labels.reshape(*self._inputs["point_labels"].shape[:-1], -1),
        }

    def _mask(self, mask: np.ndarray | None) -> dict[str, np.ndarray]:
        wanted = self._inputs.get("mask_input")
        given = {}
        if wanted is not None:
            given["mask_input"] = np.zeros(wanted.shape) if mask is None else mask.reshape(wanted.shape)
        if "has_mask_input" in self._inputs:
            given["has_mask_input"] = np.full(self._inputs["has_mask_input"].shape, mask is not None)
        return given


def _run(request: Any, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    from container.engines.openvino_core import inferred  # the file of a kind is imported where OpenVINO is not

    return inferred(request, inputs)


def _resized(logits: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    if logits.shape[-2:] == size:
        return logits
    return functional.interpolate(logits, size, mode="bilinear", align_corners=False)


def _finite(values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        raise Unprocessable(
            "the model makes numbers of this that are not finite: the embedding, or the mask of the prompt?"
        )
    return values


def start(spec: ModelSpec, folder: Path, parameters: Parameters, bf16: bool) -> PairEngine:
    """Return the engine of a pair that has been tried; ModelError with a one-line reason."""
    from container.engines.onnx_graphs import read_pair
    from container.engines.openvino_core import compiled_behind

    pair = read_pair(folder, parameters)
    encoder, decoder = (compiled_behind(graph, torch.get_num_threads(), bf16) for graph in (pair.encoder, pair.decoder))
    return PairEngine(spec, pair, encoder, decoder)


class OnnxPair(Architecture):
    """A folder with the two files, and perhaps others beside them; see onnx_parameters for what model.json may say."""

    kind = "promptable segmentation"
    takes_folder = True
    # Measured peaks in MB of loading, an embedding and a prompt: TinyViT 402 by 45 of files, SAM ViT-B 1790 by 375, of
    # which 900 are the attention of its picture. What half precision and quantized files take beyond this factor, a
    # trial finds out before they are loaded.
    memory_factor = 4.0

    def recognises(self, folder: Path) -> bool:
        """Return True for a folder with two or more .onnx files and no weights, which would be another model's."""
        with suppress(OSError):
            names = [name.lower() for name in os.listdir(folder) if not made_by_macos(name)]
            return sum(name.endswith(".onnx") for name in names) >= 2 and not any(map(is_weights, names))
        return False

    def load(self, spec: ModelSpec, runtime: Runtime) -> PairEngine:
        """Try the pair in a process of its own, then compile it here; ModelError with a one-line reason."""
        if not openvino_installed():
            raise ModelError("an ONNX pair needs OpenVINO, which is not installed: pip install openvino")
        if not isinstance(spec.weights, Path) or not spec.weights.is_dir():
            raise ModelError("an ONNX pair is a folder of two .onnx files, an encoder and a decoder")
        parameters, bf16 = onnx_parameters.read(spec.parameters), runtime.dtype is torch.bfloat16
        graph_trial.tried("onnx_graphs", spec.weights, spec.parameters, spec.bytes, torch.get_num_threads(), bf16)
        return start(spec, spec.weights, parameters, bf16)


architectures.add("sam_onnx", OnnxPair())
