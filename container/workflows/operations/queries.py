"""What fields of steps take: lists of operations, conditions and cases, read once and for all steps of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from container.fields import MAX_SHOWN
from container.workflows.manifest import Takes
from container.workflows.operations.base import Chain, Chains, operations, typed
from container.workflows.operations.comparators import COMPARATORS, OPERATORS
from container.workflows.operations.nodes import Anything, Letters, Misfit, check_size, converted, member
from container.workflows.operations.scope import Scope
from container.workflows.operations.statements import Conditions, Statement, Typed

T = TypeVar("T")


class Query(Generic[T]):
    """A value of a field that is a query of some shape."""

    def __init__(self, shape: Takes) -> None:
        self._shape = shape

    @property
    def words(self) -> str:
        """The queries in words."""
        return self._shape.words

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema, without what is nested in it."""
        return self._shape.schema

    def convert(self, value: object) -> T:
        """Return the query; ValueError, which says where it is wrong."""
        try:
            check_size(value)
            return self._shape.convert(value)  # type: ignore[no-any-return]  # what a shape gives is known to its user
        except Misfit as error:
            raise ValueError(str(error) if error.where else "") from None


class Operations(Query[Chain]):
    """Lists of operations."""

    def __init__(self) -> None:
        super().__init__(Chains())


class OperationsByName(Query[Mapping[str, Chain]]):
    """Lists of operations by the names of the values that they change."""

    def __init__(self) -> None:
        super().__init__(_ByName())


class Condition(Query[Statement]):
    """Groups of statements."""

    def __init__(self) -> None:
        super().__init__(Conditions())


class Switch(Query["CasesDefinition"]):
    """Cases, the first of which that holds gives the result, and a default."""

    def __init__(self) -> None:
        super().__init__(Typed({CasesDefinition.__name__: CasesDefinition}, "switch"))


@dataclass(frozen=True)
class _ByName:
    words = "an object of lists of operations, by the names of the values that they change"

    def convert(self, value: object) -> dict[str, Chain]:
        if not isinstance(value, dict):
            raise ValueError
        return {name: converted(Chains(), documents, f".{name[:MAX_SHOWN]}") for name, documents in value.items()}

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": Chains().schema}


@dataclass(frozen=True)
class _OptionalChains(Chains):
    words = "a list of operations, or null"

    def convert(self, value: object) -> Chain:
        return Chain() if value is None else super().convert(value)


@dataclass(frozen=True)
class StaticCaseResult:
    """A value that stands in the query."""

    value: Any = member(Anything())

    def get(self, scope: Scope) -> Any:
        """Return the result."""
        return self.value


@dataclass(frozen=True)
class DynamicCaseResult:
    """A value that the step gets under a name, after some operations."""

    parameter_name: str = member(Letters())
    operations: Chain = member(_OptionalChains(), default=Chain())

    def get(self, scope: Scope) -> Any:
        """Return the result."""
        return self.operations.run(scope.get(self.parameter_name), scope)


_RESULT = Typed({kind.__name__: kind for kind in (StaticCaseResult, DynamicCaseResult)}, "result")


@dataclass(frozen=True)
class CaseDefinition:
    """A result, and when it is that."""

    condition: Statement = member(Conditions())
    result: StaticCaseResult | DynamicCaseResult = member(_RESULT)


@dataclass(frozen=True)
class _Cases:
    words = "a list of cases"

    def convert(self, value: object) -> tuple[CaseDefinition, ...]:
        if not isinstance(value, list):
            raise ValueError
        case = Typed({CaseDefinition.__name__: CaseDefinition}, "case")
        return tuple(converted(case, document, f"[{i}]") for i, document in enumerate(value))

    @property
    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": typed([CaseDefinition.__name__])}


@dataclass(frozen=True)
class CasesDefinition:
    """What an expression gives."""

    cases: tuple[CaseDefinition, ...] = member(_Cases())
    default: StaticCaseResult | DynamicCaseResult = member(_RESULT)

    def get(self, scope: Scope) -> Any:
        """Return the result of the first case whose condition holds, or the default."""
        return next((case.result for case in self.cases if case.condition.holds(scope)), self.default).get(scope)


def description() -> dict[str, Any]:
    """Return what there is, as `GET /workflows/blocks/describe` tells; kinds are names."""
    told = [
        {
            "operation_type": name,
            "description": (kind.__doc__ or "").split("\n")[0],
            "compound": kind.nested is not None,
            "input_kind": [*kind.given],
            "output_kind": [*kind.gives],
            "nested_operation_input_kind": [*kind.nested[0]] if kind.nested else None,
            "nested_operation_output_kind": [*kind.nested[1]] if kind.nested else None,
        }
        for name, kind in operations.items()
    ]
    binary = [
        {
            "operator_type": name,
            "operands_number": 2,
            "operands_kinds": [[*one.left], [*one.right]],
            "description": one.doc,
        }
        for name, one in COMPARATORS.items()
    ]
    unary = [
        {"operator_type": name, "operands_number": 1, "operands_kinds": [[*one.given]], "description": one.doc}
        for name, one in OPERATORS.items()
    ]
    return {"operations_description": told, "operators_descriptions": [*binary, *unary]}
