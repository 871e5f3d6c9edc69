"""Operations on lists, and on what a table says instead of a value."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from container.fields import Word
from container.workflows import kinds
from container.workflows.operations.base import NUMBERS, Chain, Chains, Operation
from container.workflows.operations.nodes import Anything, Entry, Letters, Table, member, shown
from container.workflows.operations.scope import Scope, told
from container.workflows.values import Detections

LIST = (kinds.LIST,)
AGGREGATES: dict[str, Callable[[Sequence[int | float]], int | float]] = {"min": min, "max": max, "sum": sum}
MAX_KEY = 128  # characters of what is counted
MAX_JOINED = 1_000_000  # characters


@dataclass(frozen=True)
class LookupTable(Operation, given=(kinds.ANY,), gives=(kinds.ANY,)):
    """What a table holds under the value."""

    lookup_table: dict[str, Entry] = member(Table())

    def run(self, value: Any, scope: Scope) -> Any:
        return _entry(self, self.lookup_table, value, scope)


@dataclass(frozen=True)
class SequenceMap(Operation, given=LIST, gives=LIST):
    """For each item of the list, what a table holds under it."""

    nested = (kinds.ANY,), (kinds.ANY,)
    lookup_table: dict[str, Entry] = member(Table())

    def run(self, value: Any, scope: Scope) -> Any:
        return [_entry(self, self.lookup_table, item, scope) for item in self.items(value)]


def _entry(operation: Operation, table: dict[str, Entry], key: object, scope: Scope) -> Any:
    if not isinstance(key, str) or key not in table:
        keys = ", ".join(list(table)[:10])
        raise operation.failure(f"got {told(key)}, which is no key of the table; it has {shown(keys)}")
    entry = table[key]
    scope.spend(entry.size)  # else a list of 1,000 keys makes 1 GB of a text of 1 MB
    return entry.value


@dataclass(frozen=True)
class SequenceApply(Operation, given=LIST, gives=LIST):
    """Each item of the list after some operations."""

    nested = (kinds.ANY,), (kinds.ANY,)
    operations: Chain = member(Chains())

    def run(self, value: Any, scope: Scope) -> Any:
        return list(self.operations.each(self.items(value), scope))


@dataclass(frozen=True)
class NumericSequenceAggregate(Operation, given=LIST, gives=NUMBERS):
    """The least or the greatest number of the list, or their sum; `neutral_value` if it is empty."""

    function: str = member(Word(tuple(AGGREGATES)))
    neutral_value: Any = member(Anything(), default=None)

    def run(self, value: Any, scope: Scope) -> Any:
        numbers = [self.number(item) for item in self.items(value)]
        scope.spend(len(numbers))
        if not numbers:
            return self.neutral_value
        return self.finite(AGGREGATES[self.function](numbers))


@dataclass(frozen=True)
class SequenceAggregate(Operation, given=LIST, gives=(kinds.ANY,)):
    """The first or last item of the list, or the one that is in it most or least often."""

    mode: str = member(Word(("first", "last", "most_common", "least_common")))

    def run(self, value: Any, scope: Scope) -> Any:
        items = self.items(value)
        if not len(items):
            raise self.failure("takes a list that is not empty")
        if self.mode in ("first", "last"):
            return items[0 if self.mode == "first" else len(items) - 1]
        scope.spend(len(items))
        try:
            counted = Counter(items).most_common()
        except TypeError:
            raise self.failure("counts texts, numbers, true, false and null only") from None
        return counted[0 if self.mode == "most_common" else -1][0]


@dataclass(frozen=True)
class SequenceLength(Operation, given=(*LIST, kinds.STRING, kinds.DICTIONARY, *kinds.DETECTIONS), gives=NUMBERS[:1]):
    """How many items a list has, how many members an object, how many characters a text, or how many detections."""

    def run(self, value: Any, scope: Scope) -> Any:
        if not isinstance(value, list | tuple | dict | str | Detections):
            raise self.refusal(value, "a list, an object, a text or detections")
        return len(value)


@dataclass(frozen=True)
class SequenceElementsCount(Operation, given=LIST, gives=(kinds.DICTIONARY,)):
    """How often each item is in the list, as an object."""

    def run(self, value: Any, scope: Scope) -> Any:
        names = (self.written(item, scope) for item in self.items(value))
        return dict(Counter(name if len(name) <= MAX_KEY else f"{name[:MAX_KEY]} [...]" for name in names))


@dataclass(frozen=True)
class SequenceJoin(Operation, given=LIST, gives=(kinds.STRING,)):
    """The items of the list as one text, `separator` between them."""

    separator: str = member(Letters(), default=", ")

    def run(self, value: Any, scope: Scope) -> Any:
        parts = [self.written(item, scope) for item in self.items(value)]
        length = sum(map(len, parts)) + len(self.separator) * max(len(parts) - 1, 0)
        if length > MAX_JOINED:
            raise self.failure(f"would give {length:,} characters, and gives up to {MAX_JOINED:,}")
        scope.spend(length)
        return self.separator.join(parts)
