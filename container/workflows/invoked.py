"""Workflows that are run by an invocation: one picture comes in, and parameters beside it, as JSON or as text."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from container.errors import ModelError
from container.fields import comma_list
from container.structures import ModelSpec
from container.workflows import kinds
from container.workflows.errors import DefinitionFault, WorkflowError, WrongInput
from container.workflows.graph import PICTURES, Plan, compile_workflow
from container.workflows.inputs import bind
from container.workflows.interface import inputs_of, kinds_of_outputs
from container.workflows.named import specification_of

# What an invocation may say besides: no parameter has one of these names.
OPTIONS = ("response_type", "on_error", "jpeg_quality")
MAX_KEPT = 64  # plans of artifacts
_VALUES = (bool, int, float, list, dict)


@dataclass(frozen=True)
class Invoked:
    """A workflow with one picture among its inputs."""

    plan: Plan
    image: str  # the input that takes it
    parameters: tuple[str, ...]

    @property
    def draws(self) -> bool:
        """True if an output may be a picture; a list, such as that of crops, is none."""
        return any(
            isinstance(given, list)
            and (kinds.IMAGE in given or kinds.ANY in given)
            and len(self.plan.lineage(output.selector)) <= len(PICTURES)
            for output, given in zip(self.plan.definition.outputs, kinds_of_outputs(self.plan).values(), strict=True)
        )

    def from_text(self, name: str, text: str) -> Any:
        """Return the value of a parameter that is sent as text.

        It is the first that all steps take of: the text as JSON, its parts between commas for a list, and the text
        itself, which comes first for a string; or the text if they take none, which the run says.
        """
        for value in _meanings(text, inputs_of(self.plan)[name]):
            try:
                for planned in self.plan.steps:
                    bind(planned.spec, {name: value})
            except WrongInput:
                continue
            return value
        return text


def invoked(plan: Plan) -> Invoked:
    """Return a workflow as invocations run it; DefinitionFault unless one of its inputs is a picture."""
    inputs = plan.definition.inputs.values()
    pictures = [one.name for one in inputs if one.type != "parameter" and kinds.IMAGE in one.kinds]
    if len(pictures) != 1:
        names = f" ({', '.join(pictures[:10])})" if pictures else ""
        raise DefinitionFault(f"{len(pictures)} of its inputs are pictures{names}, and an invocation has one")
    for one in inputs:
        if one.type == "batch" and (one.name != pictures[0] or one.depth > 1):
            raise DefinitionFault(f"its input {one.name!r} is a list, and an invocation has one picture and parameters")
    parameters = tuple(one.name for one in inputs if one.type == "parameter")
    if taken := [name for name in parameters if name in OPTIONS]:
        raise DefinitionFault(f"its parameter {taken[0]!r} has the name of an option that every invocation has")
    return Invoked(plan, pictures[0], parameters)


@lru_cache(MAX_KEPT)
def read(text: str) -> Invoked:
    """Return the workflow that workflow.json of an artifact describes.

    Raises ValueError in one line.
    """
    try:
        return invoked(compile_workflow(specification_of(text)))
    except WorkflowError as error:
        raise ValueError(error.message) from None


def accept(spec: ModelSpec) -> None:
    """Raise ModelError, in one line, for a model whose artifact holds a workflow that cannot be run."""
    try:
        if spec.workflow:
            read(spec.workflow)
    except ValueError as error:
        raise ModelError(f"workflow.json of {spec.name!r}: {error}") from None


def _meanings(text: str, of: list[str]) -> Iterator[Any]:
    """Yield what a text may mean for a parameter of some kinds, the likeliest first."""
    if of == [kinds.STRING]:
        yield text
    try:
        value = json.loads(text, parse_constant=_no_constant)
        if isinstance(value, _VALUES):
            yield value
    except (ValueError, RecursionError):
        pass
    if kinds.LIST in of:
        yield [*comma_list(text)]
    yield text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)
