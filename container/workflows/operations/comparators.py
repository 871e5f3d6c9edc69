"""What statements compare and test by: comparators of two values, and operators on one.

Each raises StepFailed for values that it does not take.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from container.workflows import kinds
from container.workflows.errors import StepFailed
from container.workflows.operations.base import NUMBERS, Detection
from container.workflows.operations.properties import column
from container.workflows.operations.scope import Scope, told
from container.workflows.values import Detections

SEQUENCES = (kinds.LIST, kinds.DICTIONARY)


class Comparator(NamedTuple):
    """How two values are compared."""

    doc: str  # what is true of them
    compare: Callable[[Any, Any, Scope], bool]
    left: tuple[str, ...] = (kinds.ANY,)  # kinds
    right: tuple[str, ...] = (kinds.ANY,)


class Operator(NamedTuple):
    """What is asked of one value."""

    doc: str
    test: Callable[[Any], bool]
    given: tuple[str, ...] = (kinds.ANY,)  # kinds


def _equal(left: Any, right: Any, scope: Scope) -> bool:
    try:
        return bool(left == right)
    except RecursionError:
        raise StepFailed("compares values that are nested too deeply") from None


def _numeric(compare: Callable[[float, float], bool]) -> Callable[[Any, Any, Scope], bool]:
    return lambda left, right, scope: compare(_number(left), _number(right))


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise StepFailed(f"compares numbers, and got {told(value)}")
    return value


def _in_range(value: Any, limits: Any, scope: Scope) -> bool:
    if not isinstance(limits, list | tuple) or len(limits) != 2:
        raise StepFailed(f"takes a list of two numbers, [least, greatest], and got {told(limits)}")
    return _number(limits[0]) <= _number(value) <= _number(limits[1])


def _textual(compare: Callable[[str, str], bool]) -> Callable[[Any, Any, Scope], bool]:
    def compared(left: Any, right: Any, scope: Scope) -> bool:
        for value in (left, right):
            if not isinstance(value, str):
                raise StepFailed(f"compares texts, and got {told(value)}")
            scope.spend(len(value))
        return compare(left, right)

    return compared


def _items(value: object) -> Sequence[Any] | dict[str, Any]:
    if not isinstance(value, list | tuple | dict):
        raise StepFailed(f"takes a list, and got {told(value)}")
    return value


def _within(value: Any, items: Any, scope: Scope) -> bool:
    if isinstance(items, str) and isinstance(value, str):  # a part of a text
        scope.spend(len(items) + len(value))
        return value in items
    scope.spend(len(_items(items)))
    try:
        return value in items
    except TypeError:  # a list is no key of an object
        return False
    except RecursionError:
        raise StepFailed("compares values that are nested too deeply") from None


def _of_all(combine: Callable[[Any], bool]) -> Callable[[Any, Any, Scope], bool]:
    return lambda values, items, scope: combine(_within(value, items, scope) for value in _items(values))


def _in_zone(point: Any, zone: Any, scope: Scope) -> bool:
    """True if a point, or the middle of a detection, lies within a polygon: not on its line, and not in a hole."""
    if isinstance(point, Detection):
        point = column(point.detections[[point.index]], "center")[0]
    corners = [_point(corner) for corner in zone] if isinstance(zone, list | tuple) else []
    if len(corners) < 3:
        raise StepFailed(f"takes a zone, [[x, y], …] of three points or more, and got {told(zone)}")
    scope.spend(len(corners))
    x, y = _point(point)
    inside = False
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        side = (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
        if side == 0 and min(x0, x1) <= x <= max(x0, x1) and min(y0, y1) <= y <= max(y0, y1):
            return False
        if (y0 > y) != (y1 > y):
            inside ^= (side > 0) == (y1 > y0)
    return inside


def _point(value: Any) -> tuple[float, float]:
    if not isinstance(value, list | tuple) or len(value) < 2:
        raise StepFailed(f"takes points, [x, y], and got {told(value)}")
    return float(_number(value[0])), float(_number(value[1]))


def _length(value: Any) -> int:
    if not isinstance(value, list | tuple | dict | str | Detections):
        raise StepFailed(f"takes a list, an object, a text or detections, and got {told(value)}")
    return len(value)


TEXT = (kinds.STRING,)
EQUAL = Comparator("Both are equal", _equal)
UNEQUAL = Comparator("They are not equal", lambda left, right, scope: not _equal(left, right, scope))
COMPARATORS: dict[str, Comparator] = {
    "==": EQUAL,
    "(Number) ==": EQUAL,
    "!=": UNEQUAL,
    "(Number) !=": UNEQUAL,
    "(Number) >": Comparator("The first is greater", _numeric(operator.gt), NUMBERS, NUMBERS),
    "(Number) >=": Comparator("The first is greater, or both are equal", _numeric(operator.ge), NUMBERS, NUMBERS),
    "(Number) <": Comparator("The first is less", _numeric(operator.lt), NUMBERS, NUMBERS),
    "(Number) <=": Comparator("The first is less, or both are equal", _numeric(operator.le), NUMBERS, NUMBERS),
    "(Number) in range": Comparator(
        "The first is from the first to the second number of a list", _in_range, NUMBERS, (kinds.LIST,)
    ),
    "(String) startsWith": Comparator("The first begins with the second", _textual(str.startswith), TEXT, TEXT),
    "(String) endsWith": Comparator("The first ends with the second", _textual(str.endswith), TEXT, TEXT),
    "(String) contains": Comparator("The first contains the second", _textual(operator.contains), TEXT, TEXT),
    "in (Sequence)": Comparator("The second contains the first", _within, (kinds.ANY,), SEQUENCES),
    "any in (Sequence)": Comparator("The second contains an item of the first", _of_all(any), SEQUENCES, SEQUENCES),
    "all in (Sequence)": Comparator("The second contains all items of the first", _of_all(all), SEQUENCES, SEQUENCES),
    "(Detection) in zone": Comparator(
        "The first, a point or the middle of a detection, lies in a polygon", _in_zone, (kinds.ANY,), (kinds.ZONE,)
    ),
}
COUNTED = (*SEQUENCES, *kinds.DETECTIONS)
OPERATORS: dict[str, Operator] = {
    "Exists": Operator("It is not null", lambda value: value is not None),
    "DoesNotExist": Operator("It is null", lambda value: value is None),
    "(Boolean) is True": Operator("It is true", lambda value: value is True, (kinds.BOOLEAN,)),
    "(Boolean) is False": Operator("It is false", lambda value: value is False, (kinds.BOOLEAN,)),
    "(Sequence) is empty": Operator("It has no items", lambda value: _length(value) == 0, COUNTED),
    "(Sequence) is not empty": Operator("It has items", lambda value: _length(value) > 0, COUNTED),
}
