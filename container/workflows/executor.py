"""The run of a plan: each step once for every picture of its level, all pictures of a level together."""

import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from container.errors import BadRequest, PayloadTooLarge, ServingError
from container.images.pixel_budget import PixelShare
from container.workflows.definition import Literal, Selector
from container.workflows.errors import RefusedStep, StepFailed, WorkflowError
from container.workflows.graph import Lineage, Plan, PlannedStep
from container.workflows.inputs import Given, Index, Key, bind
from container.workflows.manifest import Field, Row, Step
from container.workflows.values import Detections, Picture

log = logging.getLogger(__name__)

MakeStep = Callable[[str, Callable[[int], None]], Step]  # of a step's name, and of what gives it room for pixels

MAX_CROPS = 1000  # of one picture of the request, those of all steps together
MAX_STEP_RUNS = 10_000
PIXEL = 3  # bytes
_PASSED_ON = (413, 499, 503, 504, 507)  # statuses of errors that are not the workflow's


class Profile:
    """What a run did when, as a trace that Chrome and Perfetto show; times are in microseconds."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    @contextmanager
    def span(self, name: str, category: str, **args: object) -> Iterator[None]:
        """Record the block as an event that begins (B) and one that ends (E)."""
        self._add("B", name, category, args)
        try:
            yield
        finally:
            self._add("E", name, category, {})

    def _add(self, phase: str, name: str, category: str, args: dict[str, object]) -> None:
        event: dict[str, Any] = {
            "name": name,
            "cat": category,
            "ph": phase,
            "ts": time.monotonic_ns() // 1000,
            "pid": os.getpid(),
            "tid": threading.get_native_id(),
        }
        self.events.append({**event, "args": args} if args else event)


class Execution:
    """One run of a plan."""

    def __init__(self, plan: Plan, given: Given, share: PixelShare, profile: Profile) -> None:
        self._plan = plan
        self._given = given
        self._profile = profile
        self._room = Room(share)
        self._domains: dict[Lineage, Sequence[Index]] = {(): [()], **given.domains}
        self._children: dict[Lineage, dict[Index, list[Index]]] = {}  # of a level: by index of the one above
        self._columns: dict[str, dict[Index, Mapping[str, Any]]] = {}  # by step: its outputs at each index
        self._allowed: dict[str, set[Index]] = {}  # by step of flow control: where it lets steps run
        self._crops: dict[int, int] = defaultdict(int)  # by picture of the request
        self._runs = 0

    def run(self, make_step: MakeStep) -> None:
        """Run all steps; raises RefusedStep, StepFailed, and errors of limits."""
        bound = {planned.spec.name: bind(planned.spec, self._given.parameters) for planned in self._plan.steps}
        for number, planned in enumerate(self._plan.steps):
            with self._profile.span(planned.spec.name, "step", type=planned.spec.type):
                self._run_step(planned, bound[planned.spec.name], make_step)
            for name in [name for name, last in self._plan.last.items() if last == number]:
                self._columns.pop(name, None)
            self._room.settle(self._columns.values())

    def value(self, selector: Selector, index: Index) -> Any:
        """Return what a selector stands for at an index of its lineage; None where its step did not run."""
        if selector.of == "inputs":
            column = self._given.columns.get(selector.name)
            return self._given.parameters[selector.name] if column is None else column.get(index)
        outputs = self._columns[selector.name].get(index)
        if outputs is None:
            return None
        return dict(outputs) if selector.output == "*" else outputs.get(selector.output)

    def nested(self, selector: Selector, picture: int) -> Any:
        """Return what a selector stands for in the result of one picture: a value, or lists of what lies deeper."""
        lineage = self._plan.lineage(selector)
        if not lineage:
            return self.value(selector, ())
        return self._nested(selector, lineage, (picture,))

    def _nested(self, selector: Selector, lineage: Lineage, index: Index) -> Any:
        if len(index) == len(lineage):
            return self.value(selector, index)
        inner = lineage[: len(index) + 1]
        if inner not in self._domains:  # the step that makes the level did not run
            return None
        return [self._nested(selector, lineage, each) for each in self._below(inner, index)]

    def _below(self, lineage: Lineage, index: Index) -> Sequence[Index]:
        if lineage not in self._children:
            children: dict[Index, list[Index]] = defaultdict(list)
            for each in self._domains.get(lineage, ()):
                children[each[:-1]].append(each)
            self._children[lineage] = children
        return self._children[lineage].get(index, ())

    def _run_step(self, planned: PlannedStep, bound: Mapping[Key, Any], make_step: MakeStep) -> None:
        name, block = planned.spec.name, planned.spec.block
        places: list[Index] = []
        rows: list[Row] = []
        for index in self._domains.get(planned.lineage, ()):
            if not self._is_allowed(planned, index):
                continue
            row, whole = self._row(planned, index, bound)
            if whole or block.takes_missing:
                places.append(index)
                rows.append(row)
        self._runs += len(rows)
        if self._runs > MAX_STEP_RUNS:
            raise RefusedStep(_TOO_MANY_RUNS, f"step {name!r}: {_TOO_MANY_RUNS.message}", planned.spec.fault())
        with reported(planned):
            results = block.run_all(rows, make_step(name, self._room.take)) if rows else []
        self._columns[name] = {}
        if block.flow:
            self._allowed[name] = {i for i, result in zip(places, results, strict=True) if result["next"]}
        elif block.deeper:
            self._deepen(planned, places, results)
        else:
            self._columns[name] = dict(zip(places, results, strict=True))

    def _deepen(self, planned: PlannedStep, places: list[Index], results: list[list[Mapping[str, Any]]]) -> None:
        column, domain = self._columns[planned.spec.name], list[Index]()
        for index, parts in zip(places, results, strict=True):
            root = index[0] if index else 0
            self._crops[root] += len(parts)
            if self._crops[root] > MAX_CROPS:
                raise RefusedStep(
                    _TOO_MANY_CROPS, f"step {planned.spec.name!r}: {_TOO_MANY_CROPS.message}", planned.spec.fault()
                )
            for i, part in enumerate(parts):
                column[(*index, i)] = part
                domain.append((*index, i))
        self._domains[planned.gives] = domain

    def _is_allowed(self, planned: PlannedStep, index: Index) -> bool:
        for gate in planned.gates:
            depth = len(self._plan.lineages[gate])
            if index[:depth] not in self._allowed[gate]:
                return False
        return True

    def _row(self, planned: PlannedStep, index: Index, bound: Mapping[Key, Any]) -> tuple[Row, bool]:
        """Return the values of a step's fields at an index, and whether all of them are there."""
        sources = planned.spec.sources.items()
        row: dict[str, Any] = {name: type(source)() for name, source in sources if isinstance(source, list | dict)}
        whole = True
        for one, key, part in planned.spec.parts():
            if one.steps:
                continue
            if isinstance(part, Literal):
                value = part.value
            elif (one.name, key) in bound:
                value = bound[one.name, key]
            else:
                value = self._gathered(part, index, one, planned.spec.block.takes_missing)
                whole = whole and value is not None
            if key is None:
                row[one.name] = value
            elif isinstance(key, int):
                row[one.name].append(value)
            else:
                row[one.name][key] = value
        return row, whole

    def _gathered(self, selector: Selector, index: Index, one: Field, missing: bool) -> Any:
        """Return what a field gets: a value, or a list of those one level deeper, with null for `missing` ones."""
        lineage = self._plan.lineage(selector)
        if not one.level:
            return self.value(selector, index if lineage else ())
        if lineage not in self._domains:
            return None
        values = [self.value(selector, each) for each in self._below(lineage, index)]
        return values if missing else [value for value in values if value is not None]


_TOO_MANY_RUNS = BadRequest(
    f"steps run over {MAX_STEP_RUNS} times in one request", hint="send fewer pictures, or crop fewer"
)
_TOO_MANY_CROPS = BadRequest(
    f"there are over {MAX_CROPS} crops of one picture", hint="filter detections before they are cropped"
)


class Room:
    """The pixels of the pictures that steps have made, counted in the share of the request.

    A run alone may hold as many as the server has for all requests.
    """

    def __init__(self, share: PixelShare) -> None:
        self._share = share
        self._sent = share.held  # of the pictures of the request
        self._made = 0

    def take(self, pixels: int) -> None:
        """Count so many more; PayloadTooLarge if they are too many, Overloaded if others hold them."""
        if self._sent + self._made + pixels > self._share.budget.pixels:
            raise PayloadTooLarge(
                f"the pictures that steps make hold over {self._share.budget.pixels} pixels together",
                hint="send fewer or smaller pictures, or draw on fewer of them",
            )
        self._share.take(pixels)
        self._made += pixels

    def settle(self, columns: Iterable[Mapping[Index, Mapping[str, Any]]]) -> None:
        """Give back those of pictures and masks that no step and no output will read."""
        alive: dict[int, int] = {}
        for column in columns:
            for outputs in column.values():
                for value in outputs.values():
                    if isinstance(value, Picture):
                        alive |= held(value.pixels)
                    elif isinstance(value, Detections):
                        alive |= held(value.instances.masks)
        kept = min(self._made, sum(alive.values()) // PIXEL)
        self._share.give_back(self._made - kept)
        self._made = kept


def held(value: object) -> dict[int, int]:
    """Return the bytes of each array in a dataclass or a tuple, recursively, by identity: crops share their masks."""
    if isinstance(value, np.ndarray):
        return {id(value): value.nbytes}
    if is_dataclass(value):
        return held(tuple(getattr(value, f.name) for f in fields(value)))
    found: dict[int, int] = {}
    for one in value if isinstance(value, tuple) else ():
        found |= held(one)
    return found


@contextmanager
def reported(planned: PlannedStep) -> Iterator[None]:
    """Say of an error which step it is of; what is no error of the server or of memory becomes one of the step."""
    spec, where = planned.spec, f"step {planned.spec.name!r}: "
    try:
        yield
    except StepFailed as error:
        raise StepFailed(where + error.message, spec.fault(details=error.message), hint=error.hint) from None
    except (WorkflowError, MemoryError):
        raise
    except ServingError as error:
        if error.status in _PASSED_ON:
            error.message = where + error.message
            error.args = (error.message,)
            raise
        if error.status < 500 or error.status == 501:
            raise RefusedStep(error, where + error.message, spec.fault(details=error.message)) from None
        raise
    except Exception as error:
        log.exception("step %r of a workflow failed", spec.type)
        raise StepFailed(where + "it failed unexpectedly", spec.fault(details="it failed unexpectedly")) from error
