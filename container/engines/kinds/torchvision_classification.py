"""torchvision's classifiers: labels for the whole image."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torchvision

from container.engines.base import ImageEngine
from container.engines.building import Network
from container.engines.runtime import Runtime
from container.engines.tensors import pad_slim, to_array, to_tensor
from container.engines.torchvision_builders import register_builders
from container.structures import Classification, ImageQuery, ModelSpec, Options

DEFAULT_DETECTIONS = 5  # classes returned if the request sets no max_detections


class ClassificationEngine(ImageEngine):
    """The engine of any torchvision classifier; returns a Classification."""

    task = "classification"
    finds = "classification"

    def __init__(self, spec: ModelSpec, module: Any, runtime: Runtime) -> None:
        super().__init__(spec)
        self._module = module
        self._runtime = runtime
        # The evaluation crop differs between architectures; the metadata of the weights define it.
        known = torchvision.models.get_model_weights(spec.architecture)
        self._transform = known[spec.weights if isinstance(spec.weights, str) else "DEFAULT"].transforms()

    @cached_property
    def indices(self) -> dict[int, int]:
        """The index of each class is its id: every output is a class."""
        return {class_id: class_id for class_id in range(len(self.labels))}

    @property
    def defaults(self) -> Options:
        """The best few, whatever their scores."""
        return Options(confidence=0.0, max_detections=DEFAULT_DETECTIONS)

    def predict(self, queries: Sequence[ImageQuery]) -> Sequence[Classification]:
        with torch.inference_mode(), self._runtime.autocast:
            images = [to_tensor(pad_slim(query.pixels), self._runtime.device) for query in queries]
            batch = torch.stack([self._transform(image) for image in images])
            probabilities = to_array(self._module(batch).float().softmax(1))
        return [self._classification(*one) for one in zip(probabilities, queries, strict=True)]

    def _classification(self, probabilities: np.ndarray, query: ImageQuery) -> Classification:
        resolved = self.resolved(query.options)
        wanted = self.class_ids(resolved)
        order = np.argsort(-probabilities, kind="stable")
        kept = [
            int(c) for c in order if probabilities[c] >= (resolved.confidence or 0) and (wanted is None or c in wanted)
        ][: resolved.max_detections]
        return Classification(
            image_size=(query.pixels.shape[0], query.pixels.shape[1]),
            scores=probabilities[kept].astype(np.float32),
            classes=np.array(kept, np.int64),
            labels=tuple(self.labels[c] for c in kept),
        )


class Classifier(Network):
    """Classifiers in torchvision's interface."""

    kind = "classification"
    background = False
    labels_all = True

    def engine(self, spec: ModelSpec, module: Any, runtime: Runtime) -> ClassificationEngine:
        """Return the engine of a module on its device."""
        return ClassificationEngine(spec, module, runtime)


register_builders(Classifier, torchvision.models)
