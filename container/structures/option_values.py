"""Validation of option values, with the same rules for custom attributes, model.json and every protocol."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

Check = Callable[[str, Any], Any]


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Validate and convert `values` (names of Options and Appearance → JSON values); ValueError in one line."""
    return {name: CHECKS[name](name, value) for name, value in values.items()}


def _wrong(name: str, value: object, allowed: str) -> NoReturn:
    shown = json.dumps(value)
    raise ValueError(f"{name} is {shown if len(shown) <= 60 else shown[:60] + '…'}; it takes {allowed}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fraction(name: str, value: Any) -> float:
    if not _is_number(value) or not 0 <= value <= 1:
        _wrong(name, value, "a number from 0 to 1")
    return float(value)


def _count(maximum: int) -> Check:
    """Return the check of an option that takes a whole number from 1 to `maximum`."""

    def check(name: str, value: Any) -> int:
        if not _is_number(value) or not 1 <= value <= maximum or value != int(value):
            _wrong(name, value, f"a whole number from 1 to {maximum}")
        return int(value)

    return check


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        _wrong(name, value, "true or false")
    return value


def _names(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value) or len(value) > 1000:
        _wrong(name, value, 'a list of class names, such as ["person", "dog"]')
    return tuple(value)


def word(*allowed: str) -> Check:
    """Return the check of an option that takes one of the `allowed` words."""

    def check(name: str, value: Any) -> str:
        if value not in allowed:
            _wrong(name, value, "one of " + ", ".join(json.dumps(one) for one in allowed))
        return str(value)

    return check


def _optional(check: Check) -> Check:
    """Return a check that also accepts null, for the default of the model."""
    return lambda name, value: None if value is None else check(name, value)


CHECKS: dict[str, Check] = {
    "confidence": _optional(_fraction),
    "iou_threshold": _optional(_fraction),
    "class_filter": _optional(_names),
    "class_agnostic_nms": _optional(_flag),
    "max_detections": _optional(_count(100_000)),
    "max_candidates": _optional(_count(100_000)),
    "mask_decode_mode": _optional(word("accurate", "tradeoff", "fast")),
    "tradeoff_factor": _optional(_fraction),
    "masks": word("none", "rle", "polygon"),
    "render": word("overlay", "mask", "cutout"),
    "opacity": _fraction,
    "draw_boxes": _flag,
    "draw_labels": _flag,
    "jpeg_quality": _count(100),
}
