"""One request to a workflow: its inputs read, its steps run, its outputs as JSON."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from container.cancellation import cancelled_by
from container.images.base import Limits, Pictures
from container.images.pixel_budget import PixelShare
from container.service import RequestContext, Services
from container.structures.strict_json import join_object
from container.workflows.definition import OutputSpec
from container.workflows.executor import Execution, Profile
from container.workflows.graph import Plan
from container.workflows.inputs import read_inputs
from container.workflows.manifest import Step
from container.workflows.models import Models
from container.workflows.serialise import Serialiser


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    rows: list[dict[str, Any]]  # of each picture of the request: the outputs by name, nested as deep as they are
    bodies: list[bytes]  # the same as JSON objects, or as `encode` makes them
    events: list[dict[str, Any]] = field(default_factory=list)  # of the profile
    found: int = 0  # instances, by all models


def run_workflow(
    plan: Plan,
    inputs: Mapping[str, Any],
    services: Services,
    context: RequestContext,
    profile: Profile | None = None,
    excluded: Collection[str] = (),
    *,
    share: PixelShare | None = None,
    served: str = "",
    encode: Callable[[Mapping[str, Any]], bytes] | None = None,
) -> Outcome:
    """Return the outputs of a workflow for every picture of a request, but for those that are `excluded`.

    Inputs are JSON values, and pictures may be `Image`s, whose pixels are counted in `share`; its owner gives it back.
    `served` is the key of the model that this word means, by default that of the server. `encode` makes the body of
    what one picture came to, by default a JSON object.

    Raises the errors of workflows.errors; BadRequest, PayloadTooLarge, Overloaded, DeadlineExceeded and ClientGone.
    """
    profile = profile or Profile()
    own = share is None
    held = share or PixelShare(services.pipeline.pixels)

    def decode(read: Callable[[Limits, PixelShare], Pictures]) -> Pictures:
        with context.stage("decode"):
            return read(services.pipeline.limits, held)

    def wanted() -> None:
        context.check_wanted("the workflow was done")

    models = Models(services, context, served)
    shared: dict[Any, Any] = {}
    try:
        with profile.span("workflow_run", "run"), cancelled_by(wanted):
            with profile.span("workflow_input_assembly", "input"):
                given = read_inputs(plan, inputs, decode)
            execution = Execution(plan, given, held, profile)
            execution.run(lambda name, room: Step(name, models, wanted, room, shared))
            with profile.span("workflow_results_filtering", "output"), context.stage("encode"):
                outputs = [one for one in plan.definition.outputs if one.name not in excluded]
                rows = [{one.name: execution.nested(one.selector, i) for one in outputs} for i in range(given.count)]
                bodies = [*map(encode or partial(_document, outputs, Serialiser()), rows)]
    finally:
        if own:
            held.give_back()
    return Outcome(rows, bodies, profile.events, models.found)


def _document(outputs: list[OutputSpec], serialiser: Serialiser, row: Mapping[str, Any]) -> bytes:
    return join_object({one.name: serialiser.json(row[one.name], one.own) for one in outputs})
