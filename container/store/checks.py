"""Fields of the objects that are stored, and their shapes: one sentence on the first thing that is wrong."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

MAX_NAME = 1000  # characters of an id or a label
_MAX_SHOWN = 60  # characters of a wrong value that an error repeats
_FINITE = sys.float_info.max
MISSING = object()  # what a field holds that is not there

_NUMBER = "a finite number"
_SIZE = "a finite number of 0 or more"


class Wrong(ValueError):
    """A field that cannot be stored: its name, what was sent and what it takes, in one line of printable text."""

    def __init__(self, field: str, value: object, takes: str) -> None:
        sent = "is missing" if value is MISSING else f"is {shown(value)}"
        super().__init__(f"{field} {sent}; it takes {takes}")


def shown(value: object) -> str:
    """Return a JSON value of any size as it stands in an error: one line of at most 60 characters."""
    text = json.dumps(value, ensure_ascii=False)
    if not text.isprintable():  # lone surrogates and line separators
        text = json.dumps(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def name(holder: Mapping[str, Any], field: str, most: int = MAX_NAME, least: int = 0, where: str = "") -> str:
    """Return the string in a field; Wrong if it is none, too short or long, or no database takes it."""
    value = holder.get(field, MISSING)
    if type(value) is not str or not least <= len(value) <= most:
        raise Wrong(where + field, value, f"a string of {least} to {most:,} characters")
    if not can_be_kept(value):
        raise Wrong(where + field, value, "characters only: no NUL, no lone surrogate")
    return value


def can_be_kept(text: str) -> bool:
    """Return whether databases take a text: PostgreSQL no NUL, and neither half of a surrogate pair."""
    if "\0" in text:
        return False
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def optional_name(holder: Mapping[str, Any], field: str, least: int = 0) -> str | None:
    """Return the string in a field, or None where there is none; raises as `name` does."""
    return None if holder.get(field) is None else name(holder, field, least=least)


def mapping(holder: Mapping[str, Any], field: str, where: str = "") -> dict[str, Any]:
    """Return the object in a field; Wrong if it is none."""
    value = holder.get(field, MISSING)
    if not isinstance(value, dict):
        raise Wrong(where + field, value, "an object")
    return value


def optional_mapping(holder: Mapping[str, Any], field: str, where: str = "") -> dict[str, Any]:
    """Return the object in a field, which is empty where there is none; Wrong if it is something else."""
    return {} if holder.get(field) is None else mapping(holder, field, where)


def listing(holder: Mapping[str, Any], field: str, least: int = 0, where: str = "") -> list[Any]:
    """Return the list in a field; Wrong if it is none or has too few parts."""
    value = holder.get(field, MISSING)
    if not isinstance(value, list):
        raise Wrong(where + field, value, "a list")
    if len(value) < least:
        raise Wrong(where + field, value, f"a list of {least} or more")
    return value


def strings(holder: Mapping[str, Any], field: str, where: str = "") -> list[str]:
    """Return the list of strings in a field; Wrong if it is none."""
    found = listing(holder, field, where=where)
    for i, one in enumerate(found):
        if type(one) is not str:
            raise Wrong(f"{where}{field}[{i}]", one, "a string")
    return found


def share(value: Any, field: str) -> float:
    """Return a number from 0 to 1 as a float; Wrong if it is none."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise Wrong(field, value, "a number from 0 to 1")
    return float(value)


def _is_number(value: Any) -> bool:
    """Return True for a number that a double holds; true and false are none."""
    return type(value) in (int, float) and -_FINITE <= value <= _FINITE


def _number(holder: Mapping[str, Any], field: str, where: str) -> None:
    value = holder.get(field, MISSING)
    if not _is_number(value):
        raise Wrong(where + field, value, _NUMBER)


def _size(holder: Mapping[str, Any], field: str, where: str) -> None:
    value = holder.get(field, MISSING)
    if not _is_number(value) or value < 0:
        raise Wrong(where + field, value, _SIZE)


def _box(geometry: dict[str, Any]) -> None:
    for field in ("x", "y"):
        _number(geometry, field, "geometry.")
    for field in ("width", "height"):
        _size(geometry, field, "geometry.")


def _vertices(geometry: dict[str, Any], least: int) -> None:
    for i, vertex in enumerate(listing(geometry, "vertices", least, "geometry.")):
        # 300,000 of them in a request of 5,000 polygons: 0.1 s.
        if type(vertex) is dict and _is_number(vertex.get("x")) and _is_number(vertex.get("y")):
            continue
        where = f"geometry.vertices[{i}]"
        if not isinstance(vertex, dict):
            raise Wrong(where, vertex, "an object of x and y")
        for field in ("x", "y"):
            _number(vertex, field, where + ".")


def _polygon(geometry: dict[str, Any]) -> None:
    _vertices(geometry, 3)


def _line(geometry: dict[str, Any]) -> None:
    _vertices(geometry, 2)


def _keypoints(geometry: dict[str, Any]) -> None:
    for i, point in enumerate(listing(geometry, "keypoints", 1, "geometry.")):
        where = f"geometry.keypoints[{i}]"
        if not isinstance(point, dict):
            raise Wrong(where, point, "an object of x, y and visible")
        visible = point.get("visible", True)
        if not isinstance(visible, bool):
            raise Wrong(where + ".visible", visible, "true or false")
        for field in ("x", "y"):
            if visible or point.get(field) is not None:
                _number(point, field, where + ".")
    # A client that reads them back fails where there is neither.
    strings(geometry, "names", "geometry.")
    listing(geometry, "skeleton", where="geometry.")


def _cuboid(geometry: dict[str, Any]) -> None:
    for field, check in (("position", _number), ("dimensions", _size)):
        point = geometry.get(field, MISSING)
        if not isinstance(point, dict):
            raise Wrong(f"geometry.{field}", point, "an object of x, y and z")
        for axis in ("x", "y", "z"):
            check(point, axis, f"geometry.{field}.")
    _number(geometry, "yaw", "geometry.")


# What has a shape, and an id of its own below its item. Each raises Wrong for a geometry that is not of its kind.
SHAPES: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "box": _box,
    "polygon": _polygon,
    "line": _line,
    "keypoints": _keypoints,
    "cuboid": _cuboid,
}
