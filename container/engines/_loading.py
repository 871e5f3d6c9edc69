"""From a ModelSpec to an engine that is warm."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torchvision

from container.engines import _weights
from container.engines._base import Architecture, Engine, Task, architectures, engines
from container.engines._runtime import Runtime
from container.errors import ModelError
from container.registry import load_plugins
from container.structures import ModelSpec, Options

log = logging.getLogger(__name__)

# Whose names a model has that comes without labels, by the number of its classes.
_KNOWN_LABELS: dict[Task, tuple[Any, ...]] = {
    "detection": (torchvision.models.detection.MaskRCNN_ResNet50_FPN_Weights.COCO_V1,),
    "segmentation": (torchvision.models.segmentation.DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1,),
    "classification": (torchvision.models.ResNet50_Weights.IMAGENET1K_V1,),
}


@dataclass(frozen=True)
class Built:
    """A network with its weights, and the spec with everything filled in that was left open."""

    module: Any  # torch.nn.Module in eval mode, on the CPU
    spec: ModelSpec
    task: Task


def build(spec: ModelSpec) -> Built:
    """Build the network and put its weights in; ModelError says in one line what stands in the way."""
    load_plugins("container.engines")
    try:
        architecture = architectures[spec.architecture]
    except KeyError as error:
        raise ModelError(str(error.args[0])) from None
    if isinstance(spec.weights, Path):
        state, labels, epsilon = _weights.read(spec.weights), spec.labels, spec.batch_norm_eps
    else:
        if spec.weights not in architecture.pretrained:
            known = ", ".join(architecture.pretrained) or "none"
            raise ModelError(
                f"{spec.architecture} has no weights {spec.weights!r}; it has: {known}; a file does as well"
            )
        state, labels, epsilon = _weights.fetch(spec.architecture, spec.weights)
    module, labels = _fill(architecture, state, labels, spec)
    if epsilon is not None:
        _weights.set_batch_norm_eps(module, epsilon)
    return Built(module.eval(), replace(spec, labels=labels, batch_norm_eps=epsilon), architecture.task)


def _fill(
    architecture: Architecture, state: _weights.State, labels: tuple[str, ...], spec: ModelSpec
) -> tuple[Any, tuple[str, ...]]:
    """The module with `state` in it and its labels; labels may leave the background out."""
    candidates = [labels] if labels else [_weights.labels_of(known) for known in _KNOWN_LABELS[architecture.task]]
    if labels and architecture.task != "classification" and "background" not in labels[0]:
        candidates.insert(0, ("__background__", *labels))
    first_error: ModelError | None = None
    for candidate in candidates:
        try:
            module = architecture.build(num_classes=len(candidate), **spec.parameters)
        except (TypeError, ValueError) as error:
            raise ModelError(f"{spec.architecture} cannot be built with parameters {dict(spec.parameters)}") from error
        try:
            _weights.fit(module, state)
        except ModelError as error:
            first_error = first_error or error
        else:
            return module, candidate
    raise first_error or ModelError("the model has no labels")


def load(spec: ModelSpec, runtime: Runtime) -> Engine:
    """Build the model, move it to its device and run it once, so that the first request is as fast as the next."""
    built = build(spec)
    engine = engines[built.task](built.spec, built.module.to(runtime.device), runtime)
    engine.predict([np.zeros((480, 640, 3), np.uint8)], [Options()])
    return engine
