"""The JSON in X-Amzn-SageMaker-Custom-Attributes: what may be asked for, and what is wrong with what was asked.

Pure functions of strings; knows no HTTP.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NoReturn

from container.errors import BadRequest
from container.structures import Appearance, Options
from container.structures.option_values import CHECKS, word

RESPONSE_TYPES = {
    "json": "application/json",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "jsonlines": "application/jsonlines",
}
FORMATS = ("clarify",)
ON_ERROR = ("placeholder",)
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
    try:
        known = {key: _CHECKS[key](key, value) for key, value in given.items() if key in _CHECKS}
    except ValueError as error:
        raise BadRequest(f"custom attribute {error}") from None
    return Attributes({**(defaults or {}), **known}, tuple(key for key in given if key not in _CHECKS))


def _utf8(header: str) -> str:
    """WSGI hands header bytes over as Latin-1; clients send UTF-8."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_CHECKS = {
    "response_type": word("", *RESPONSE_TYPES),
    "format": word("", *FORMATS),
    "on_error": word("", *ON_ERROR),
    **CHECKS,
}
KEYS = tuple(_CHECKS)
_OPTIONS = {f.name for f in fields(Options)}
_APPEARANCE = {f.name for f in fields(Appearance)}
