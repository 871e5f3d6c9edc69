"""How a query is read: each JSON object of it has a type, which is a class here, and the members that it declares.

An error says where in the query it is, as `[0].filter_operation.operator is "xor"; it takes one of "and", "or"`.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, NamedTuple

from container.fields import MAX_SHOWN
from container.workflows.manifest import REQUIRED, Takes

MAX_NESTED = 60  # levels of lists and objects; a filter with an operation in each operand is 9 deep
MAX_TYPED = 1000  # objects with a type in a query; each takes 13 µs to read
MAX_MATCHED = 10  # regular expressions in a query; each takes up to 2 ms to read
MAX_FIGURE = 1e15  # whole numbers are exact up to here


class Misfit(ValueError):
    """A part of a query is not as it must be; `where` is the path to it, "" for the whole."""

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(f"{where.removeprefix('.')} {what}".strip())
        self.what, self.where = what, where


@contextmanager
def within(part: str) -> Iterator[None]:
    """Add `part` in front of the path of an error."""
    try:
        yield
    except Misfit as error:
        raise Misfit(error.what, part + error.where) from None


def converted(takes: Takes, value: object, part: str) -> Any:
    """Return the value of a part as it is worked with; Misfit if it is not taken."""
    with within(part):
        try:
            return takes.convert(value)
        except Misfit:
            raise
        except ValueError:
            raise Misfit(f"is {shown(value)}; it takes {takes.words}") from None


def shown(value: object) -> str:
    """Return a JSON value of any size as it stands in a message."""
    text = json.dumps(value, default=lambda _: "…")
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def member(takes: Takes, default: Any = REQUIRED) -> Any:
    """Declare a field of a class as a member of the JSON object."""
    given = {} if default is REQUIRED else {"default": default}
    return field(metadata={"takes": takes}, **given)


def build(document: object, known: Mapping[str, type[Any]], noun: str) -> Any:
    """Return the object that a JSON object stands for; members that its class does not declare are ignored.

    Raises Misfit if its type is not `known`, if a member is missing, or if one has a value that is not taken.
    """
    if not isinstance(document, dict):
        raise Misfit(f"is {shown(document)}; it takes an object, the type of {noun} and its members")
    name = document.get("type", REQUIRED)
    if name is REQUIRED:
        raise Misfit(f"is missing; the types of {noun} are {', '.join(sorted(known))}", ".type")
    if not isinstance(name, str) or name not in known:
        raise Misfit(f"is {shown(name)}, which is no type of {noun}; there are {', '.join(sorted(known))}", ".type")
    values = {}
    for one in fields(known[name]):
        takes = one.metadata.get("takes")
        if takes is None:
            continue
        if one.name in document:
            values[one.name] = converted(takes, document[one.name], f".{one.name}")
        elif one.default is MISSING:
            raise Misfit(f"is missing; {name} needs {takes.words}", f".{one.name}")
    return known[name](**values)


def check_size(document: object) -> None:
    """Raise Misfit if a query has over MAX_NESTED levels, MAX_TYPED objects with a type, or MAX_MATCHED expressions."""
    level, typed, matched = [document], 0, 0
    for _ in range(MAX_NESTED + 1):
        names = [one["type"] for one in level if isinstance(one, dict) and "type" in one]
        typed, matched = typed + len(names), matched + names.count("StringMatches")
        for count, most, noun in ((typed, MAX_TYPED, "objects with a type"), (matched, MAX_MATCHED, "StringMatches")):
            if count > most:
                raise Misfit(f"has more than {most:,} {noun}; spread them over several steps", ".")
        level = [inner for outer in level for inner in _entries(outer)]
        if not level:
            return
    raise Misfit(f"has more than {MAX_NESTED} levels of lists and objects in each other; take fewer", ".")


def _entries(value: object) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


@dataclass(frozen=True)
class Anything:
    """Any JSON value."""

    words = "any value"

    def convert(self, value: object) -> Any:
        """Return the value as it is."""
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {}


@dataclass(frozen=True)
class Figure:
    """Numbers, whole ones as int and others as float."""

    words = f"a number from {-MAX_FIGURE:g} to {MAX_FIGURE:g}"

    def convert(self, value: object) -> int | float:
        """Return a JSON value; ValueError if it is no number, or too large."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= MAX_FIGURE:
            raise ValueError
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": "number"}


@dataclass(frozen=True)
class Letters:
    """Any text."""

    words = "a text"

    def convert(self, value: object) -> str:
        """Return a JSON value; ValueError if it is no text."""
        if not isinstance(value, str):
            raise ValueError
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": "string"}


class Entry(NamedTuple):
    """What a table holds under one key."""

    value: Any
    size: int  # characters as JSON


@dataclass(frozen=True)
class Table:
    """Objects with any values."""

    words = "an object"

    def convert(self, value: object) -> dict[str, Entry]:
        """Return the entries of a JSON object; ValueError if it is none."""
        if not isinstance(value, dict):
            raise ValueError
        return {key: Entry(entry, len(json.dumps(entry))) for key, entry in value.items()}

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": "object"}
