"""The plan of a workflow: its steps in the order in which they run, and the level on which each of them does.

A lineage names the lists below a run that a value lies in: () for one value, ("$inputs",) for one a picture of the
request, and a step's name more for what it gives for each of its pictures, such as crops.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from container.workflows import kinds
from container.workflows.definition import Definition, OutputSpec, Selector, StepSpec, parse, words
from container.workflows.errors import BrokenGraph, Fault, UnknownReference, WrongKind, WrongLevel
from container.workflows.manifest import Field, Output

Lineage = tuple[str, ...]
PICTURES: Lineage = ("$inputs",)


@dataclass(frozen=True)
class PlannedStep:
    """A step whose references are known to be right."""

    spec: StepSpec
    lineage: Lineage  # of what it runs on
    gates: tuple[str, ...]  # steps of flow control that say whether it runs

    @property
    def gives(self) -> Lineage:
        """The lineage of its outputs."""
        return (*self.lineage, self.spec.name) if self.spec.block.deeper else self.lineage


@dataclass(frozen=True)
class Plan:
    """A workflow that can be run."""

    definition: Definition
    steps: tuple[PlannedStep, ...]  # in the order of running
    lineages: Mapping[str, Lineage]  # of the outputs of each step
    last: Mapping[str, int]  # by step, the number of the last step that reads it; not there if an output does

    def lineage(self, selector: Selector) -> Lineage:
        """Return the lineage of what a selector stands for."""
        if selector.of == "steps":
            return self.lineages[selector.name]
        return input_lineage(self.definition, selector.name)


def input_lineage(definition: Definition, name: str) -> Lineage:
    """Return the lineage of an input."""
    one = definition.inputs[name]
    if one.type == "parameter":
        return ()
    return PICTURES + tuple(f"$inputs.{name}.{depth}" for depth in range(2, one.depth + 1))


def compile_workflow(document: object) -> Plan:
    """Return the plan of a specification as it was sent; raises the errors of `parse` and of references."""
    definition = parse(document)
    for spec in definition.steps.values():
        for one, selector in spec.selectors():
            _check_reference(definition, spec, one, selector)
    for output in definition.outputs:
        _check_output(definition, output)
    gates = _gates(definition)
    lineages: dict[str, Lineage] = {}
    planned: list[PlannedStep] = []
    for name in _ordered(definition, gates):
        spec = definition.steps[name]
        step = PlannedStep(spec, _lineage(definition, spec, lineages), tuple(gates[name]))
        for gate in step.gates:
            _check_gate(step, gate, lineages[gate])
        lineages[name] = step.gives
        planned.append(step)
    return Plan(definition, tuple(planned), lineages, _last(definition, planned))


def _check_reference(definition: Definition, step: StepSpec, one: Field, selector: Selector) -> None:
    fault = step.fault(one.name, f"{one.name} is {selector}")
    if one.steps:
        if selector.of != "steps" or selector.output or selector.name not in definition.steps:
            raise UnknownReference(f"step {step.name!r}: {one.name} names {selector}; it takes {words(one)}", fault)
        return
    given = _kinds_of(definition, selector, f"step {step.name!r}: {one.name} ", fault)
    if not kinds.fits(given, one.kinds):
        raise WrongKind(
            f"step {step.name!r}: {one.name} is {selector}, of the kind {', '.join(given)}; "
            f"it takes {', '.join(one.kinds)}",
            fault,
        )


def _check_output(definition: Definition, output: OutputSpec) -> None:
    fault = Fault("$outputs", "JsonField", output.name, f"selector is {output.selector}")
    _kinds_of(definition, output.selector, f"output {output.name!r}: its selector ", fault)


def _kinds_of(definition: Definition, selector: Selector, where: str, fault: Fault) -> tuple[str, ...]:
    """Return the kinds of what a selector stands for; UnknownReference if that is not there."""
    if selector.of == "inputs":
        if selector.name in definition.inputs:
            return definition.inputs[selector.name].kinds
        there = ", ".join(definition.inputs) or "none"
        raise UnknownReference(f"{where}names {selector}; inputs are: {there}", fault)
    if selector.name not in definition.steps:
        there = ", ".join(definition.steps) or "none"
        raise UnknownReference(f"{where}names {selector}; steps are: {there}", fault)
    outputs = outputs_of(definition.steps[selector.name])
    if selector.output == "*":
        return (kinds.DICTIONARY,)
    for output in outputs:
        if output.name == selector.output:
            return output.kinds
    there = ", ".join(output.name for output in outputs) or "none"
    raise UnknownReference(f"{where}names {selector}; the outputs of that step are: {there}", fault)


def outputs_of(step: StepSpec) -> tuple[Output, ...]:
    """Return what a step gives; flow control gives nothing."""
    return () if step.block.flow else step.block.outputs


def _gates(definition: Definition) -> dict[str, list[str]]:
    """Return, for each step, the steps of flow control that name it."""
    gates: dict[str, list[str]] = {name: [] for name in definition.steps}
    for step in definition.steps.values():
        for one, selector in step.selectors():
            if one.steps and step.name not in gates[selector.name]:
                gates[selector.name].append(step.name)
    return gates


def _ordered(definition: Definition, gates: Mapping[str, list[str]]) -> list[str]:
    """Return the names of all steps, each after those that it waits for; BrokenGraph for a circle."""
    waits = {
        name: {s.name for one, s in step.selectors() if s.of == "steps" and not one.steps} | set(gates[name])
        for name, step in definition.steps.items()
    }
    ordered: list[str] = []
    while waits:
        ready = [name for name, others in waits.items() if not others & waits.keys()]
        if not ready:
            names = [*waits]
            faults = [definition.steps[name].fault() for name in names]
            raise BrokenGraph(f"steps wait for each other: {', '.join(names[:20])}", *faults)
        for name in ready:
            del waits[name]
        ordered += ready
    return ordered


def _lineage(definition: Definition, step: StepSpec, lineages: Mapping[str, Lineage]) -> Lineage:
    """Return the lineage that a step runs on; WrongLevel if its inputs have several."""
    found: dict[Lineage, str] = {}
    for one, selector in step.selectors():
        if one.steps:
            continue
        own = lineages[selector.name] if selector.of == "steps" else input_lineage(definition, selector.name)
        if not own and not one.level:
            continue
        if len(own) <= one.level:
            raise WrongLevel(
                f"step {step.name!r}: {one.name} is {selector}, which is no list for a picture",
                step.fault(one.name),
            )
        found.setdefault(own[: len(own) - one.level], one.name)
    if len(found) > 1:
        (first, a), (second, b) = [*found.items()][:2]
        raise WrongLevel(
            f"step {step.name!r}: {a} and {b} are of different levels: {_path(first)} and {_path(second)}",
            step.fault(b),
        )
    return next(iter(found), ())


def _check_gate(step: PlannedStep, gate: str, lineage: Lineage) -> None:
    if step.lineage[: len(lineage)] != lineage:
        raise WrongLevel(
            f"step {step.spec.name!r} runs on {_path(step.lineage)}, and {gate!r} decides on {_path(lineage)}",
            step.spec.fault(),
        )


def _path(lineage: Lineage) -> str:
    return (
        "all pictures together"
        if not lineage
        else "each picture" + "".join(f", each of {name}" for name in lineage[1:])
    )


def _last(definition: Definition, planned: list[PlannedStep]) -> dict[str, int]:
    kept = {output.selector.name for output in definition.outputs if output.selector.of == "steps"}
    last = {step.spec.name: i for i, step in enumerate(planned)}
    for i, step in enumerate(planned):
        last |= {s.name: i for one, s in step.spec.selectors() if s.of == "steps" and not one.steps}
    return {name: i for name, i in last.items() if name not in kept}
