"""Operations: each turns one value into another; a chain of them does so one after the other.

A new one is a subclass in a file of this package:

    @dataclass(frozen=True)
    class Negate(Operation, given=NUMBERS, gives=NUMBERS):
        \"""The number with the other sign.\"""

        def run(self, value: Any, scope: Scope) -> Any:
            return -self.number(value)
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from container.registry import Registry
from container.workflows import kinds
from container.workflows.errors import StepFailed
from container.workflows.operations.nodes import Misfit, build, shown, within
from container.workflows.operations.scope import Scope, told
from container.workflows.values import Detections, Picture

NUMBERS = (kinds.INTEGER, kinds.FLOAT, kinds.FRACTION)
BOXES = (kinds.OBJECTS, kinds.MASKS, kinds.KEYPOINTS)
MAX_DIGITS = 2**63  # whole numbers from here on are none in JSON that other programs read


@dataclass(frozen=True)
class Operation(ABC):
    """What is done with a value; a subclass declares its members with `member`."""

    given: ClassVar[tuple[str, ...]]  # kinds of the value
    gives: ClassVar[tuple[str, ...]]
    nested: ClassVar[tuple[tuple[str, ...], tuple[str, ...]] | None] = None  # kinds of inner values, and what they give

    def __init_subclass__(cls, *, given: tuple[str, ...], gives: tuple[str, ...]) -> None:
        cls.given, cls.gives = given, gives
        operations.add(cls.__name__, cls)

    @abstractmethod
    def run(self, value: Any, scope: Scope) -> Any:
        """Return the new value; StepFailed if the operation does not take the old one."""

    def each(self, values: Sequence[Any], scope: Scope) -> Sequence[Any]:
        """Return the new value for each of some."""
        return [self.run(value, scope) for value in values]

    def refusal(self, value: object, takes: str) -> StepFailed:
        """The error for a value that the operation does not take."""
        return self.failure(f"takes {takes}, and got {told(value)}")

    def failure(self, what: str) -> StepFailed:
        """The error that the operation's name begins."""
        return StepFailed(f"{type(self).__name__} {what}")

    def text(self, value: object) -> str:
        """Return the value if it is a text."""
        if not isinstance(value, str):
            raise self.refusal(value, "a text")
        return value

    def number(self, value: object) -> int | float:
        """Return the value if it is a number."""
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.refusal(value, "a number")
        return value

    def written(self, value: object, scope: Scope) -> str:
        """Return a JSON value as Python writes it, texts as they are."""
        if value is not None and not isinstance(value, str | int | float | list | tuple | dict):
            raise self.refusal(value, "texts, numbers, lists and objects")
        if isinstance(value, str):
            scope.spend(len(value))
            return value
        scope.go_through(value)
        try:
            return str(value)
        except (RecursionError, ValueError):
            raise self.failure("cannot write a value: it is nested too deeply, or too large a number") from None

    def finite(self, number: int | float) -> int | float:
        """Return a result if JSON has such a number."""
        if not abs(number) < (MAX_DIGITS if isinstance(number, int) else float("inf")):
            raise self.failure("would give a number that is too large, or none at all")
        return number

    def items(self, value: object) -> Sequence[Any]:
        """Return the items of a list, the keys of an object, or the detections one by one."""
        if isinstance(value, dict):
            return list(value)
        if isinstance(value, Detections):
            return Rows(value)
        if not isinstance(value, list | tuple):
            raise self.refusal(value, "a list")
        return value

    def detections(self, value: object) -> Detections:
        """Return the value if it is detections."""
        if not isinstance(value, Detections):
            raise self.refusal(value, "detections")
        return value

    def picture(self, value: object) -> Picture:
        """Return the value if it is a picture."""
        if not isinstance(value, Picture):
            raise self.refusal(value, "a picture")
        return value


operations: Registry[type[Operation]] = Registry("operation", "container.workflows.operations")


@dataclass(frozen=True, eq=False)
class Detection:
    """One of some detections."""

    detections: Detections
    index: int


@dataclass(frozen=True, eq=False)
class Rows(Sequence[Any]):
    """Detections one by one; an operation may take a property of them all at once."""

    detections: Detections

    def __len__(self) -> int:
        return len(self.detections)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError
        return Detection(self.detections, index)


@dataclass(frozen=True)
class Chain:
    """Operations, the first first; without any, the value stays as it is."""

    operations: tuple[Operation, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.operations)

    def run(self, value: Any, scope: Scope) -> Any:
        """Return the value after all operations."""
        for operation in self.operations:
            scope.spend(1)
            value = operation.run(value, scope)
        return value

    def each(self, values: Sequence[Any], scope: Scope) -> Sequence[Any]:
        """Return each of some values after all operations."""
        for operation in self.operations:
            scope.spend(len(values))
            values = operation.each(values, scope)
        return values


@dataclass(frozen=True)
class Chains:
    """Lists of operations."""

    words = 'a list of operations, such as [{"type": "SequenceLength"}]'

    def convert(self, value: object) -> Chain:
        """Return the chain that a JSON list stands for; Misfit says where it is wrong."""
        if not isinstance(value, list):
            raise Misfit(f"is {shown(value)}; it takes {self.words}")
        return Chain(tuple(self._operations(value)))

    def _operations(self, documents: list[Any]) -> Iterable[Operation]:
        for i, document in enumerate(documents):
            with within(f"[{i}]"):
                yield build(document, operations, "operation")

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema; the members of each type are told by its description."""
        return {"type": "array", "items": typed(operations)}


def typed(known: Iterable[str]) -> dict[str, Any]:
    """Return the JSON schema of an object of one of some types."""
    return {"type": "object", "properties": {"type": {"enum": [*known]}}, "required": ["type"]}
