"""Small JSON bodies, and the members of them.

document = read_document(request)
name = text(document, "name")
"""

import json
import math
import re
from typing import Any, NoReturn

from flask import Request

from container.errors import BadRequest
from container.store.checks import MAX_NAME, can_be_kept
from container.web.body import check_plain, read_body

MAX_BYTES = 8 << 20
_MAX_PARTS = 400_000  # commas and opening brackets: 100,000 references of items
_MAX_SHOWN = 60  # characters
_FRAMES = 50  # of calls that are left to those who write a value again; nesting takes as many as it is deep
_CAPITAL = re.compile("[A-Z]")


def read_document(request: Request) -> dict[str, Any]:
    """Return the JSON object of a body, {} if it is empty; BadRequest for anything else."""
    check_plain(request)
    body = read_body(request)
    if not body.strip():
        return {}
    if sum(map(body.count, (b",", b"[", b"{"))) > _MAX_PARTS:
        raise BadRequest(f"the JSON body has over {_MAX_PARTS} commas and opening brackets")
    document = parsed(body, "the body")
    if not isinstance(document, dict):
        raise BadRequest(f"the body is no JSON object: {shown(document)}")
    return document


def parsed(written: str | bytes, what: str) -> Any:
    """Return the value of a JSON text, without NaN and Infinity; BadRequest, which says `what` it is, for others."""
    try:
        return _deeper(_FRAMES, written)
    except (ValueError, RecursionError):
        raise BadRequest(f"{what} is not JSON") from None


def known(document: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return a document by the `names` that it may have, which are in snake_case; BadRequest for any other.

    Clients mix camelCase in: "rollupGroups" is "rollup_groups". A name that is given in both ways is refused.
    """
    found: dict[str, Any] = {}
    for name, value in document.items():
        snake = _CAPITAL.sub(lambda letter: f"_{letter[0].lower()}", name)
        if snake not in names:
            raise BadRequest(f"{shown(name)} is not known here; there are {', '.join(names)}")
        if snake in found:
            raise BadRequest(f"{snake} is given twice, the second time as {shown(name)}")
        found[snake] = value
    return found


def one_of(document: dict[str, Any], name: str, *values: str) -> str:
    """Return a member that is one of some texts, the first of them if it is missing or null; else BadRequest."""
    value = document.get(name)
    if value is None:
        return values[0]
    if value not in values:
        raise BadRequest(f"{name} is {shown(value)}; it takes {', '.join(values)}")
    return str(value)


def real(document: dict[str, Any], name: str, low: float, high: float) -> float | None:
    """Return a member that is a number from `low` to `high`, None if it is missing or null; else BadRequest."""
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadRequest(f"{name} is {shown(value)}; it takes a number from {low:g} to {high:g}")
    return value


def text(document: dict[str, Any], name: str, default: str | None = None, longest: int = MAX_NAME) -> str:
    """Return a member that is a text, not empty; `default` if it is missing or null. BadRequest for anything else."""
    value = document.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or not value or len(value) > longest or not can_be_kept(value):
        raise BadRequest(f"{name} is {shown(value)}; it takes a text of 1 to {longest} characters")
    return value


def flag(document: dict[str, Any], name: str, default: bool = False) -> bool:
    """Return a member that is true or false; `default` if it is missing or null. BadRequest for anything else."""
    value = document.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise BadRequest(f"{name} is {shown(value)}; it takes true or false")
    return value


def whole(document: dict[str, Any], name: str, default: int, high: int, low: int = 1) -> int:
    """Return a member that is a whole number from `low` to `high`; `default` if it is missing or null."""
    value = document.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadRequest(f"{name} is {shown(value)}; it takes a whole number from {low} to {high}")
    return value


def texts(document: dict[str, Any], name: str, most: int = 1000, longest: int = MAX_NAME) -> list[str]:
    """Return a member that is a list of texts, [] if it is missing or null; BadRequest for anything else."""
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > most:
        raise BadRequest(f"{name} is {shown(value)}; it takes a list of at most {most} texts")
    return [text({name: one}, name, longest=longest) for one in value]


def mapping(document: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return a member that is an object, None if it is missing or null; BadRequest for anything else."""
    value = document.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadRequest(f"{name} is {shown(value)}; it takes an object")
    return value


def kept(document: dict[str, Any], name: str) -> str:
    """Return a member that is an object as JSON text, "{}" if it is missing or null; BadRequest for anything else.

    It is ASCII: databases take no half of a surrogate pair and no null character, but their escapes.
    """
    return json.dumps(mapping(document, name) or {}, separators=(",", ":"))


def number(digits: str) -> int:
    """Return the number of an item in a path, which may be one that no item has; BadRequest if it is none."""
    if not re.fullmatch("-?[0-9]{1,18}", digits):
        raise BadRequest(f"an item's number is {shown(digits)}; it takes 0 or more")
    return int(digits)


def shown(value: object) -> str:
    """Return the start of a value, as JSON."""
    written = json.dumps(value)
    return written if len(written) <= _MAX_SHOWN else written[:_MAX_SHOWN] + "…"


def _deeper(frames: int, written: str | bytes) -> Any:
    """Return the value of a JSON text that can be written again from so many calls deeper than here."""
    if frames:
        return _deeper(frames - 1, written)
    return json.loads(written, parse_constant=_refuse, parse_float=_finite)


def _finite(written: str) -> float:
    value = float(written)
    if math.isinf(value):  # 1e999, which would be written as Infinity
        raise ValueError(written)
    return value


def _refuse(token: str) -> NoReturn:
    raise ValueError(token)
