"""Filters of questions about a sample, as Nucleus's client writes them.

filters = read({"confidenceRange": {"min": 0.5}, "predLabels": ["cat"]})
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

import numpy as np

Operator = Literal["EQ", "IN", "GT", "LT"]
Equality = Literal["EQ", "NEQ"]


class Range(NamedTuple):
    """Numbers from one to another, both included."""

    low: float
    high: float

    def holds(self, values: np.ndarray) -> np.ndarray:
        """Return which values lie in it; NaN does not."""
        return cast(np.ndarray, (values >= self.low) & (values <= self.high))


@dataclass(frozen=True)
class Predicate:
    """What is asked of one key of metadata."""

    key: str
    op: Operator
    value: Any  # a list for IN, a number for GT and LT

    def holds(self, metadata: Mapping[str, Any]) -> bool:
        """Say whether metadata has the key with a value that fits; numbers may be written as texts."""
        if self.key not in metadata:
            return False
        own = metadata[self.key]
        if self.op == "EQ":
            return _alike(own, self.value)
        if self.op == "IN":
            return any(_alike(own, one) for one in self.value)
        number = _number(own)
        return number is not None and (number > self.value if self.op == "GT" else number < self.value)


@dataclass(frozen=True)
class Filters:
    """What is left of a sample, in two steps.

    The labels, the confidence and the area take away objects and predictions, which are then matched without them.
    The others take away rows of what came of that. Labels are those of the upload, or those that they count as.
    Metadata and slices are for whoever knows them.
    """

    confidence_range: Range | None = None
    pred_labels: frozenset[str] | None = None
    gt_labels: frozenset[str] | None = None
    gt_area_range: Range | None = None
    iou_range: Range | None = None  # of rows with a prediction and an object
    label_equality: Equality | None = None  # of rows with a prediction and an object
    has_ground_truth: bool | None = None
    tide_background: bool | None = None
    item_metadata: tuple[Predicate, ...] = ()
    prediction_metadata: tuple[Predicate, ...] = ()
    slice_ids: tuple[str, ...] | None = None


def read(document: Any) -> Filters:
    """Return the filters of a JSON document with names in camelCase or as in Python; None and {} are none.

    ValueError in words for anything that is no filter.
    """
    if document is None:
        return Filters()
    if not isinstance(document, dict):
        raise ValueError("filters must be an object")
    found: dict[str, Any] = {}
    for given, value in document.items():
        name = _NAMES.get(given)
        if name is None:
            raise ValueError(f"{str(given)[:100]!r} is no filter; there are {', '.join(map(_camel, _READERS))}")
        if name in found:
            raise ValueError(f"filter {given} is given twice")
        if value is not None:
            found[name] = _READERS[name](given, value)
    return Filters(**found)


def _alike(own: Any, asked: Any) -> bool:
    """Numbers compare as numbers; a text is also like what is written as it: values of filterSchema are texts."""
    one, other = _plain(own), _plain(asked)
    return bool(one == other) or _text(own) == _text(asked)


def _plain(value: Any) -> Any:
    return (type(value), value) if isinstance(value, bool) else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _number(value: Any) -> float | None:
    """Return a finite number, or what a text reads as; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _range(name: str, value: Any) -> Range:
    if not isinstance(value, dict) or not set(value) <= {"min", "max"}:
        raise ValueError(f"{name} must be an object of min and max")
    low = _end(f"min of {name}", value.get("min"), -math.inf)
    high = _end(f"max of {name}", value.get("max"), math.inf)
    if low > high:
        raise ValueError(f"min of {name} is over its max")
    return Range(low, high)


def _end(name: str, value: Any, otherwise: float) -> float:
    if value is None:
        return otherwise
    number = None if isinstance(value, str) else _number(value)
    if number is None:
        raise ValueError(f"{name} must be a number")
    return number


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} must be a list of texts")
    return tuple(value)


def _labels(name: str, value: Any) -> frozenset[str]:
    return frozenset(_texts(name, value))


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    return value


def _equality(name: str, value: Any) -> str:
    if value not in ("EQ", "NEQ"):
        raise ValueError(f"{name} must be EQ or NEQ")
    return cast(str, value)


def _predicates(name: str, value: Any) -> tuple[Predicate, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list")
    return tuple(_predicate(name, one) for one in value)


def _predicate(name: str, given: Any) -> Predicate:
    if not isinstance(given, dict) or not set(given) <= {"key", "op", "value"}:
        raise ValueError(f"each of {name} must be an object of key, op and value")
    key, op, value = (given.get(part) for part in ("key", "op", "value"))
    if not isinstance(key, str):
        raise ValueError(f"key in {name} must be a text")
    if op not in ("EQ", "IN", "GT", "LT"):
        raise ValueError(f"op in {name} must be EQ, IN, GT or LT")
    if op == "IN" and not isinstance(value, list):
        raise ValueError(f"value of IN in {name} must be a list")
    if op in ("GT", "LT"):
        value = _number(value)
        if value is None:
            raise ValueError(f"value of {op} in {name} must be a number")
    return Predicate(key, op, value)


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "confidence_range": _range,
    "iou_range": _range,
    "pred_labels": _labels,
    "gt_labels": _labels,
    "item_metadata": _predicates,
    "prediction_metadata": _predicates,
    "gt_area_range": _range,
    "label_equality": _equality,
    "has_ground_truth": _flag,
    "tide_background": _flag,
    "slice_ids": _texts,
}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(one.capitalize() for one in others)


_NAMES = {_camel(name): name for name in _READERS} | {name: name for name in _READERS}
