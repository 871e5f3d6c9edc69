"""The parameters in model.json of an ONNX pair: which file is which, and how its encoder takes a picture."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from container.errors import ModelError, shown

LAYOUTS = ("NCHW", "CHW", "NHWC", "HWC")
SIDES = (16, 4096)


@dataclass(frozen=True)
class Parameters:
    """Each is found out from the graphs if it is not given."""

    encoder: str = ""  # a file beside model.json
    decoder: str = ""
    layout: str = ""  # one of LAYOUTS
    mean: tuple[float, ...] | None = None  # of red, green and blue, 0–255; with `std`, the graph does not normalise
    std: tuple[float, ...] | None = None
    long_side: int | None = None  # pixels of the long side of a picture as the encoder sees it


def read(values: Mapping[str, Any]) -> Parameters:
    """Return checked parameters; ModelError names the first that is wrong."""
    known = [field.name for field in fields(Parameters)]
    for name, value in values.items():
        if name not in known:
            raise ModelError(f"unknown parameter {shown(name)} in model.json; known: {', '.join(known)}")
        fits, takes = _CHECKS[name]
        if not fits(value):
            raise ModelError(f"the parameter {name} in model.json is {value!r:.100}; it takes {takes}")
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Parameters(**given)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e6


def _is_colour(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 3 and all(map(_is_number, value))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255


_CHECKS = {
    "encoder": (_is_name, "the name of a file beside it"),
    "decoder": (_is_name, "the name of a file beside it"),
    "layout": (lambda value: value in LAYOUTS, f"one of {', '.join(LAYOUTS)}"),
    "mean": (_is_colour, "three numbers, of red, green and blue from 0 to 255"),
    "std": (lambda value: _is_colour(value) and min(value) > 0, "three numbers over 0, of values from 0 to 255"),
    "long_side": (
        lambda value: isinstance(value, int) and not isinstance(value, bool) and SIDES[0] <= value <= SIDES[1],
        f"a whole number from {SIDES[0]} to {SIDES[1]}",
    ),
}
