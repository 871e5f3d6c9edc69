"""Content negotiation: parses X-Amzn-SageMaker-Custom-Attributes (JSON) and selects the response format.

Accept takes precedence, then the attributes, then the configured default, then JSON. Pure functions of strings,
independent of HTTP. Source: RFC 9110, 12.5.1 for ranges and q-values. A wildcard is not a preference: curl, Postman and
requests send */* by default, and it must not override the attributes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, NoReturn

from werkzeug.http import parse_accept_header

from container.errors import BadRequest, NotAcceptable
from container.structures import Appearance, Choice, Options
from container.structures.option_values import CHECKS, word

# The available media types, in the order of preference if nothing else decides.
OFFERS = {"application/json": "json", "image/jpeg": "jpeg", "image/png": "png", "application/jsonlines": "jsonlines"}
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
    """Validated custom attributes; an attribute string that is not JSON is opaque and only echoed."""

    values: Mapping[str, Any]  # known keys only
    ignored: tuple[str, ...] = ()  # unknown keys, as sent
    trace: str = ""  # the opaque string

    def options(self) -> Options:
        """Return the attributes that affect prediction."""
        return Options(**{k: v for k, v in self.values.items() if k in _OPTIONS})

    def appearance(self) -> Appearance:
        """Return the attributes that affect rendering."""
        return Appearance(**{k: v for k, v in self.values.items() if k in _APPEARANCE})


def parse(header: str, defaults: Mapping[str, Any] | None = None) -> Attributes:
    """Parse the header's value on top of the operator's `defaults`; BadRequest for broken JSON or invalid values."""
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
    """Decode a header value: WSGI passes header bytes as Latin-1, clients send UTF-8."""
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


def negotiate(accept: str, attributes: Attributes, default: str) -> Choice:
    """Return the chosen format with its options; NotAcceptable if Accept allows none of OFFERS.

    Args:
        accept: the header's value, "" if it is missing.
        default: the media type set by the operator, one of OFFERS.
    """
    preferred = (RESPONSE_TYPES.get(attributes.values.get("response_type", ""), ""), default, "application/json")
    media_type = _pick(_ranges(accept), preferred)
    name = OFFERS[media_type]
    if name == "json" and attributes.values.get("format"):
        name = attributes.values["format"]
    return Choice(name, attributes.options(), attributes.appearance())


class _Range(NamedTuple):
    pattern: str  # "image/png", "image/*" or "*/*"
    quality: float

    def precision(self, media_type: str) -> int:
        """Return 2 for the same type, 1 for type/*, 0 for */*, -1 for no match."""
        if self.pattern == media_type or (self.pattern == "image/jpg" and media_type == "image/jpeg"):
            return 2
        if self.pattern == media_type.split("/")[0] + "/*":
            return 1
        return 0 if self.pattern == "*/*" else -1


def _ranges(accept: str) -> list[_Range]:
    """Return the well-formed ranges of an Accept header in order; malformed ones are ignored."""
    ranges = []
    for part in accept.split(","):  # one at a time, since werkzeug sorts them and the original order breaks ties
        for value, quality in parse_accept_header(part):
            pattern = value.split(";")[0].strip().lower()
            ranges.append(_Range("*/*" if pattern == "*" else pattern, quality))
    return [r for r in ranges if "/" in r.pattern]


def _pick(ranges: list[_Range], preferred: tuple[str, ...]) -> str:
    if not ranges:
        ranges = [_Range("*/*", 1)]
    graded = {}  # media type → the most precise range that matches it
    for media_type in OFFERS:
        matching = [r for r in ranges if r.precision(media_type) >= 0]
        if matching:
            best = max(matching, key=lambda r: r.precision(media_type))
            if best.quality > 0:
                graded[media_type] = best
    if not graded:
        raise NotAcceptable(
            f"Accept is {','.join(r.pattern for r in ranges)[:200]!r}; there is " + ", ".join(OFFERS),
        )
    top = max(best.quality for best in graded.values())
    favourites = [media_type for media_type, best in graded.items() if best.quality == top]
    named = [m for m in favourites if graded[m].precision(m) == 2]
    if named:
        return min(named, key=lambda m: ranges.index(graded[m]))
    return next((m for m in preferred if m in favourites), favourites[0])
