"""Registration of torchvision's builders as architectures."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import torchvision

from container.engines.base import architectures
from container.engines.building import Network


def register_builders(
    kind: type[Network],
    module: ModuleType,
    without_background: str = "(?!)",
    extended: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda build: build,
    **fixed: Any,
) -> None:
    """Register every builder of a torchvision module under its own name, as an architecture of `kind`.

    Networks whose name matches the pattern `without_background` score each class by its own sigmoid, so that class 0 is
    an ordinary class. `extended` makes a builder of more parameters of each; `fixed` is passed to every builder.
    """
    for name in torchvision.models.list_models(module=module):
        weights = torchvision.models.get_model_weights(name).__members__
        background = kind.background and not re.match(without_background, name)
        architectures.add(name, kind(extended(partial(_build, name, fixed)), tuple(weights), background))


def _build(name: str, fixed: Mapping[str, Any], **parameters: Any) -> Any:
    """Build without weights, and reject weight parameters, because torchvision would download them."""
    if "weights" in parameters or "weights_backbone" in parameters:
        raise TypeError("weights are not a parameter")
    return torchvision.models.get_model(name, weights=None, **{**fixed, **parameters})
