"""Registration of torchvision's builders as architectures."""

from collections.abc import Mapping
from functools import partial
from types import ModuleType
from typing import Any

import torchvision

from container.engines.base import Architecture, Task, architectures

# Detectors that score each class by its own sigmoid, so that class 0 is an ordinary class.
_WITHOUT_BACKGROUND = ("retinanet", "fcos")


def register_builders(task: Task, module: ModuleType, **fixed: Any) -> None:
    """Register every builder of a torchvision module under its own name; `fixed` is passed to each of them."""
    for name in torchvision.models.list_models(module=module):
        build = partial(_build, name, fixed)
        weights = torchvision.models.get_model_weights(name).__members__
        background = task != "classification" and not name.startswith(_WITHOUT_BACKGROUND)
        architectures.add(name, Architecture(task, build, tuple(weights), background))


def _build(name: str, fixed: Mapping[str, Any], **parameters: Any) -> Any:
    """Build without weights, and reject weight parameters, because torchvision would download them."""
    if "weights" in parameters or "weights_backbone" in parameters:
        raise TypeError("weights are not a parameter")
    return torchvision.models.get_model(name, weights=None, **{**fixed, **parameters})
