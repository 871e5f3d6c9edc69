"""What a workflow takes and gives: the kinds of its inputs and outputs."""

from collections.abc import Mapping
from typing import Any

from container.workflows import kinds
from container.workflows.definition import ENGINE_VERSION, Definition, Input, Selector
from container.workflows.errors import Fault, SyntaxFault
from container.workflows.graph import Plan, outputs_of
from container.workflows.kind_schemas import HINTS, SCHEMAS, described
from container.workflows.manifest import Output, blocks

VERSIONS = (ENGINE_VERSION,)  # of engines, as clients ask for them
Kinds = list[str] | dict[str, list[str]]  # of an output; by name for all outputs of a step


def describe_interface(plan: Plan) -> dict[str, Any]:
    """Return the kinds of the inputs and outputs of a workflow, with a type hint and maybe a schema for each kind."""
    inputs, outputs = inputs_of(plan), kinds_of_outputs(plan)
    listed = [*inputs.values()]
    for output in outputs.values():
        listed += output.values() if isinstance(output, dict) else [output]
    used = dict.fromkeys(kind for names in listed for kind in names)
    return {
        "inputs": inputs,
        "outputs": outputs,
        "typing_hints": {kind: HINTS[kind] for kind in used},
        "kinds_schemas": {kind: SCHEMAS[kind] for kind in used if kind in SCHEMAS},
    }


def inputs_of(plan: Plan) -> dict[str, list[str]]:
    """Return the kinds of every input: those that it declares, or else those of the fields that it is used in."""
    return {one.name: _kinds_of_input(plan.definition, one) for one in plan.definition.inputs.values()}


def defaults_of(plan: Plan) -> dict[str, Any]:
    """Return the default of every input that a request may leave out; null for a parameter without one."""
    return {one.name: one.default for one in plan.definition.inputs.values() if one.optional}


def kinds_of_outputs(plan: Plan) -> dict[str, Kinds]:
    """Return the kinds of every output."""
    return {output.name: _kinds_of(plan.definition, output.selector) for output in plan.definition.outputs}


def dynamic_outputs(step: object) -> list[dict[str, Any]]:
    """Return the outputs of a step as it stands in a specification; SyntaxFault if there is no such block."""
    given = step.get("type") if isinstance(step, Mapping) else None
    if not isinstance(given, str) or given not in blocks:
        known = ", ".join(sorted({block.ids[0] for block in blocks.values()}))
        details = f"type is {ascii(given)[:100]}; it takes one of {known}"
        name = step.get("name") if isinstance(step, Mapping) else None
        raise SyntaxFault(details, Fault(name if isinstance(name, str) and name else "$steps", "", "type", details))
    return [manifest_of(output) for output in blocks[given].outputs]


def manifest_of(output: Output) -> dict[str, Any]:
    """Return an output of a block as `GET /workflows/blocks/describe` tells of it."""
    return {"name": output.name, "kind": [described(kind) for kind in output.kinds]}


def _kinds_of_input(definition: Definition, one: Input) -> list[str]:
    if kinds.ANY not in one.kinds:
        return [*one.kinds]
    selector = Selector("inputs", one.name)
    fields = [field for step in definition.steps.values() for field, given in step.selectors() if given == selector]
    return [*dict.fromkeys(kind for field in fields for kind in field.kinds)] or [kinds.ANY]


def _kinds_of(definition: Definition, selector: Selector) -> Kinds:
    if selector.of == "inputs":
        return _kinds_of_input(definition, definition.inputs[selector.name])
    outputs = {output.name: [*output.kinds] for output in outputs_of(definition.steps[selector.name])}
    return outputs if selector.output == "*" else outputs[selector.output]
