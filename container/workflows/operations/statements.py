"""Statements: what is true or false of values, by name.

They are evaluated for all items at once, such as the detections of a picture: an operand that names “_” is a list of
one value for each, and any other is computed once.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from container.fields import Flag, Word
from container.workflows.errors import StepFailed
from container.workflows.operations.base import Chain, Chains, typed
from container.workflows.operations.comparators import COMPARATORS, OPERATORS
from container.workflows.operations.nodes import Anything, Letters, Misfit, build, member, shown, within
from container.workflows.operations.scope import ITEM, Scope


class Operand(ABC):
    """A value in a statement."""

    operations: Chain

    @abstractmethod
    def each(self, items: Sequence[Any] | None, scope: Scope) -> Iterable[Any]:
        """Return the value for each item, without end if it is the same for all."""


@dataclass(frozen=True)
class StaticOperand(Operand):
    """A value that stands in the query."""

    value: Any = member(Anything())
    operations: Chain = member(Chains(), default=Chain())

    def each(self, items: Sequence[Any] | None, scope: Scope) -> Iterable[Any]:
        return repeat(self.operations.run(self.value, scope))


@dataclass(frozen=True)
class DynamicOperand(Operand):
    """A value that a step gets under a name, or each item."""

    operations: Chain = member(Chains(), default=Chain())
    operand_name: str = member(Letters(), default=ITEM)

    def each(self, items: Sequence[Any] | None, scope: Scope) -> Iterable[Any]:
        if items is None or self.operand_name != ITEM:
            return repeat(self.operations.run(scope.get(self.operand_name), scope))
        return self.operations.each(items, scope)


OPERANDS = {kind.__name__: kind for kind in (StaticOperand, DynamicOperand)}


@dataclass(frozen=True)
class Typed:
    """An object of one of some types, such as an operand."""

    known: Mapping[str, type[Any]]
    noun: str

    @property
    def words(self) -> str:
        """The objects in words."""
        return f"an object, the type of {self.noun} and its members"

    def convert(self, value: object) -> Any:
        """Return what the JSON object stands for; Misfit says where it is wrong."""
        return build(value, self.known, self.noun)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return typed(self.known)


@dataclass(frozen=True)
class Named:
    """What a table holds under a name, which is the type of an object without other members."""

    table: Mapping[str, Any]
    noun: str

    @property
    def words(self) -> str:
        """The objects in words."""
        return f"an object, the type of {self.noun}"

    def convert(self, value: object) -> tuple[str, Any]:
        """Return the name and what it names; Misfit if there is no such."""
        name = value.get("type") if isinstance(value, dict) else None
        if not isinstance(name, str) or name not in self.table:
            known = ", ".join(self.table)
            given = shown(name) if isinstance(value, dict) else shown(value)
            raise Misfit(f"is {given}, which is no type of {self.noun}; there are {known}", ".type")
        return name, self.table[name]

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return typed(self.table)


class Statement(ABC):
    """Something that is true or false."""

    def holds(self, scope: Scope) -> bool:
        """Return True if it is true of the values that are named."""
        return self._truths(None, scope)[0]

    def each(self, items: Sequence[Any], scope: Scope) -> list[bool]:
        """Return for each of N items, one or more, whether it is true of it."""
        return self._truths(items, scope)

    @abstractmethod
    def _truths(self, items: Sequence[Any] | None, scope: Scope) -> list[bool]: ...


def _count(items: Sequence[Any] | None, scope: Scope) -> range:
    """Return as many numbers as there are answers, which are counted as work."""
    count = 1 if items is None else len(items)
    scope.spend(count)
    return range(count)


@dataclass(frozen=True)
class BinaryStatement(Statement):
    """Two values compared; the opposite if `negate`."""

    left_operand: Operand = member(Typed(OPERANDS, "operand"))
    comparator: tuple[str, Any] = member(Named(COMPARATORS, "comparator"))
    right_operand: Operand = member(Typed(OPERANDS, "operand"))
    negate: bool = member(Flag(), default=False)

    def _truths(self, items: Sequence[Any] | None, scope: Scope) -> list[bool]:
        lefts, rights = self.left_operand.each(items, scope), self.right_operand.each(items, scope)
        name, comparator = self.comparator
        compare, negate = comparator.compare, self.negate
        try:
            pairs = zip(_count(items, scope), lefts, rights, strict=False)
            return [compare(left, right, scope) != negate for _, left, right in pairs]
        except StepFailed as error:
            raise StepFailed(f"comparator {shown(name)}: {error.message}") from None


@dataclass(frozen=True)
class UnaryStatement(Statement):
    """One value tested; the opposite if `negate`."""

    operand: Operand = member(Typed(OPERANDS, "operand"))
    operator: tuple[str, Any] = member(Named(OPERATORS, "operator"))
    negate: bool = member(Flag(), default=False)

    def _truths(self, items: Sequence[Any] | None, scope: Scope) -> list[bool]:
        values = self.operand.each(items, scope)
        name, operator = self.operator
        try:
            return [operator.test(value) != self.negate for _, value in zip(_count(items, scope), values, strict=False)]
        except StepFailed as error:
            raise StepFailed(f"operator {shown(name)}: {error.message}") from None


@dataclass(frozen=True)
class Statements:
    """Lists of statements, one or more."""

    words = "a list of one statement or more"

    def convert(self, value: object) -> tuple[Statement, ...]:
        """Return the statements; Misfit says where one is wrong."""
        if not isinstance(value, list) or not value:
            raise ValueError
        statements = []
        for i, document in enumerate(value):
            with within(f"[{i}]"):
                statements.append(build(document, STATEMENTS, "statement"))
        return tuple(statements)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": "array", "items": typed(STATEMENTS), "minItems": 1}


@dataclass(frozen=True)
class StatementGroup(Statement):
    """Statements that are all true, or one of which is."""

    statements: tuple[Statement, ...] = member(Statements())
    operator: str = member(Word(("and", "or")), default="or")

    def _truths(self, items: Sequence[Any] | None, scope: Scope) -> list[bool]:
        combine = all if self.operator == "and" else any
        truths = [statement._truths(items, scope) for statement in self.statements]
        return truths[0] if len(truths) == 1 else [combine(row) for row in zip(*truths, strict=True)]


GROUP = {StatementGroup.__name__: StatementGroup}
STATEMENTS = {kind.__name__: kind for kind in (BinaryStatement, UnaryStatement, StatementGroup)}


class Conditions(Typed):
    """Groups of statements."""

    def __init__(self) -> None:
        super().__init__(GROUP, "condition")
