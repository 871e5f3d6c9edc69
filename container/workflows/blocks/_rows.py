"""Values of a step's fields where they may be outputs of steps, of which nothing has said yet what they are."""

from typing import Any

import numpy as np

from container.workflows.definition import convert
from container.workflows.errors import StepFailed
from container.workflows.manifest import Block, Row
from container.workflows.values import Classified, Detections, Picture

_VALUES = Picture | Detections | Classified | bytes  # which no field takes that has literals, too


def value(block: Block, row: Row, name: str) -> Any:
    """Return the value of a field as its literals are converted; StepFailed if it is none of them."""
    field = next(one for one in block.fields if one.name == name)
    given = row[name].item() if isinstance(row[name], np.generic) else row[name]
    given = list(given) if isinstance(given, tuple) else given  # as JSON would have it
    taken = field.takes.words if field.takes is not None else ""
    if any(isinstance(one, _VALUES) for one in (given if isinstance(given, list) else [given])):
        raise StepFailed(f"{name} is {_kind(given)}; it takes {taken}")
    try:
        return convert(field, given, name, taken)
    except ValueError as error:
        raise StepFailed(str(error)) from None


def picture(row: Row, name: str) -> Picture:
    """Return the value of a field that is a picture; StepFailed if it is none."""
    given = row[name]
    if not isinstance(given, Picture):
        raise StepFailed(f"{name} is {_kind(given)}; it takes a picture")
    return given


def detections(row: Row, name: str) -> Detections:
    """Return the value of a field that is detections; StepFailed if it is none."""
    given = row[name]
    if not isinstance(given, Detections):
        raise StepFailed(f"{name} is {_kind(given)}; it takes detections")
    return given


def _kind(given: object) -> str:
    kinds = {Picture: "a picture", Detections: "detections", list: "a list", dict: "an object", str: "a text"}
    return kinds.get(type(given), "a number" if isinstance(given, int | float) else "another value")
