"""torchvision's classifiers: labels for the whole image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torchvision

from container.engines.base import Engine, engines
from container.engines.kinds._builders import register_builders
from container.engines.runtime import Runtime
from container.engines.tensors import pad_slim, to_array, to_tensor
from container.structures import Classification, ModelSpec, Options

DEFAULT_DETECTIONS = 5  # classes returned if the request sets no max_detections


class ClassificationEngine(Engine):
    """The engine of any torchvision classifier; returns a Classification."""

    def __init__(self, spec: ModelSpec, module: Any, runtime: Runtime) -> None:
        super().__init__(spec)
        self._module = module
        self._runtime = runtime
        # The evaluation crop differs between architectures; the metadata of the weights define it.
        known = torchvision.models.get_model_weights(spec.architecture)
        self._transform = known[spec.weights if isinstance(spec.weights, str) else "DEFAULT"].transforms()

    def predict(self, pixels: Sequence[np.ndarray], options: Sequence[Options]) -> Sequence[Classification]:
        with torch.inference_mode(), self._runtime.autocast:
            batch = torch.stack([self._transform(to_tensor(pad_slim(p), self._runtime.device)) for p in pixels])
            probabilities = to_array(self._module(batch).float().softmax(1))
        return [self._classification(*one) for one in zip(probabilities, pixels, options, strict=True)]

    def _classification(self, probabilities: np.ndarray, pixels: np.ndarray, options: Options) -> Classification:
        resolved = self.with_defaults(options, confidence=0.0, max_detections=DEFAULT_DETECTIONS)
        wanted = self.class_ids(resolved)
        order = np.argsort(-probabilities, kind="stable")
        kept = [
            int(c) for c in order if probabilities[c] >= (resolved.confidence or 0) and (wanted is None or c in wanted)
        ][: resolved.max_detections]
        return Classification(
            image_size=(pixels.shape[0], pixels.shape[1]),
            scores=probabilities[kept].astype(np.float32),
            classes=np.array(kept, np.int64),
            labels=tuple(self.labels[c] for c in kept),
        )


engines.add("classification", ClassificationEngine)
register_builders("classification", torchvision.models)
