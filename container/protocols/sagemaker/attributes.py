"""The JSON in X-Amzn-SageMaker-Custom-Attributes: what may be asked for, and what is wrong with what was asked.

Pure functions of strings; knows no HTTP.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, NoReturn

from container.errors import BadRequest
from container.structures import Appearance, Options

RESPONSE_TYPES = {"json": "application/json", "jpeg": "image/jpeg", "jpg": "image/jpeg", "png": "image/png"}
FORMATS = ("clarify",)
MAX_TRACE = 256  # characters of an opaque attribute string that are echoed


@dataclass(frozen=True)
class Attributes:
    """Checked attributes; an attribute string that is not JSON is the caller's own and only echoed."""

    values: Mapping[str, Any]  # known keys only
    ignored: tuple[str, ...] = ()  # keys that are not known, as sent
    trace: str = ""  # the opaque string

    def options(self) -> Options:
        """The part that the model is asked."""
        return Options(**{k: v for k, v in self.values.items() if k in _OPTIONS})

    def appearance(self) -> Appearance:
        """The part that the answer's look is made of."""
        return Appearance(**{k: v for k, v in self.values.items() if k in _APPEARANCE})


def parse(header: str, defaults: Mapping[str, Any] | None = None) -> Attributes:
    """Read the header's value over the operator's `defaults`; BadRequest where it looks like JSON and is not right."""
    text = _utf8(header).strip()
    if not text.startswith("{"):
        return Attributes(dict(defaults or {}), trace=text[:MAX_TRACE])
    try:
        given = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadRequest(
            "X-Amzn-SageMaker-Custom-Attributes looks like JSON and is not",
            hint='such as {"response_type": "png", "confidence": 0.6}; known keys: ' + ", ".join(KEYS),
        ) from None
    known = {key: _CHECKS[key](key, value) for key, value in given.items() if key in _CHECKS}
    return Attributes({**(defaults or {}), **known}, tuple(key for key in given if key not in _CHECKS))


def _utf8(header: str) -> str:
    """WSGI hands header bytes over as Latin-1; clients send UTF-8."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _wrong(key: str, value: object, allowed: str) -> NoReturn:
    shown = json.dumps(value)
    raise BadRequest(f"custom attribute {key} is {shown if len(shown) <= 60 else shown[:60] + '…'}; it takes {allowed}")


def _number(low: float, high: float) -> Callable[[str, Any], float | None]:
    def check(key: str, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            _wrong(key, value, f"a number from {low:g} to {high:g}")
        return float(value)

    return check


def _count(key: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 100_000 or value != int(value):
        _wrong(key, value, "a whole number from 1 to 100000")
    return int(value)


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        _wrong(key, value, "true or false")
    return value


def _word(*allowed: str) -> Callable[[str, Any], str]:
    def check(key: str, value: Any) -> str:
        if value not in allowed:
            _wrong(key, value, "one of " + ", ".join(json.dumps(word) for word in allowed))
        return str(value)

    return check


def _names(key: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value) or len(value) > 1000:
        _wrong(key, value, 'a list of class names, such as ["person", "dog"]')
    return tuple(value)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "response_type": _word("", *RESPONSE_TYPES),
    "format": _word("", *FORMATS),
    "confidence": _number(0, 1),
    "iou_threshold": _number(0, 1),
    "class_filter": _names,
    "class_agnostic_nms": _flag,
    "max_detections": _count,
    "max_candidates": _count,
    "mask_decode_mode": _word("accurate", "tradeoff", "fast"),
    "tradeoff_factor": _number(0, 1),
    "masks": _word("none", "rle", "polygon"),
    "render": _word("overlay", "mask", "cutout"),
    "opacity": _number(0, 1),
    "draw_boxes": _flag,
    "draw_labels": _flag,
}
KEYS = tuple(_CHECKS)
_OPTIONS = {f.name for f in fields(Options)}
_APPEARANCE = {f.name for f in fields(Appearance)}
