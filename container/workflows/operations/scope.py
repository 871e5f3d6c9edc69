"""What a query sees while it runs, and how much work it may be."""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

from container.errors import shown as named
from container.workflows.errors import StepFailed
from container.workflows.operations.nodes import shown
from container.workflows.values import Detections, Picture

ITEM = "_"  # the name of what is tested, such as one detection after another
MAX_WORK = 5_000_000  # items and characters that one step may go through; items take up to 1 µs each
MAX_NAMED = 20  # names in a message
CHECK_AFTER = 20_000  # of them, until it is asked whether the answer is still wanted


class Scope:
    """The values that operands name, and the work that is left."""

    def __init__(self, check: Callable[[], None], names: object = MappingProxyType({})) -> None:
        if not isinstance(names, Mapping):
            raise StepFailed(f"takes an object of values by name, and got {told(names)}")
        self.check = check  # raises if the answer is not wanted any more
        self.names = names
        self._left = MAX_WORK
        self._next_check = MAX_WORK - CHECK_AFTER

    def spend(self, work: int) -> None:
        """Count so many items or characters; StepFailed if they are more than one step may go through."""
        self._left -= work
        if self._left < 0:
            raise StepFailed(
                f"the operations go through more than {MAX_WORK:,} items and characters; "
                "take fewer operations, or shorter lists and texts"
            )
        if self._left < self._next_check:
            self._next_check = self._left - CHECK_AFTER
            self.check()

    def go_through(self, value: object) -> None:
        """Count the items and characters of a JSON value of any size, itself counted."""
        if value is None or isinstance(value, int | float):
            self.spend(1)
            return
        level = [value]
        while level:
            self.spend(sum(len(one) if isinstance(one, str | dict | list | tuple) else 1 for one in level))
            level = [inner for one in level for inner in _entries(one)]

    def get(self, name: str) -> Any:
        """Return the value that an operand or a member names; StepFailed if there is none."""
        try:
            return self.names[name]
        except KeyError:
            known = ", ".join(map(named, sorted(self.names)[:MAX_NAMED])) or "none"
            raise StepFailed(f"no value is named {named(name)}; named are {known}") from None


def told(value: object) -> str:
    """Return what a value is, as it stands in a message."""
    if value is None:
        return "null"
    if isinstance(value, bool | int | float | str):
        return shown(value)
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    names = {dict: "an object", bytes: "a file", Picture: "a picture", Detections: "detections"}
    return next((noun for kind, noun in names.items() if isinstance(value, kind)), "a value of another kind")


def _entries(value: object) -> Iterable[Any]:
    if isinstance(value, dict):
        return chain(value.keys(), value.values())
    return value if isinstance(value, list | tuple) else ()
