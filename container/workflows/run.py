"""One request to a workflow: its inputs read, its steps run, its outputs as JSON."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from container.cancellation import cancelled_by
from container.images.base import Limits, Pictures
from container.images.pixel_budget import PixelShare
from container.service import RequestContext, Services
from container.structures.strict_json import join_object
from container.workflows.executor import Execution
from container.workflows.graph import Plan
from container.workflows.inputs import read_inputs
from container.workflows.models import Models
from container.workflows.profiling import Profile
from container.workflows.serialise import Serialiser
from container.workflows.step import Step


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    rows: list[dict[str, Any]]  # of each picture of the request: the outputs by name, nested as deep as they are
    bodies: list[bytes]  # the same as JSON objects
    events: list[dict[str, Any]] = field(default_factory=list)  # of the profile


def run_workflow(
    plan: Plan,
    inputs: Mapping[str, Any],
    services: Services,
    context: RequestContext,
    profile: Profile | None = None,
    excluded: Collection[str] = (),
) -> Outcome:
    """Return the outputs of a workflow for every picture of a request, but for those that are `excluded`.

    Raises the errors of workflows.errors; BadRequest, PayloadTooLarge, Overloaded, DeadlineExceeded and ClientGone.
    """
    profile = profile or Profile()
    share = PixelShare(services.pipeline.pixels)

    def decode(read: Any) -> Pictures:
        with context.stage("decode"):
            limits: Limits = services.pipeline.limits
            return read(limits, share)  # type: ignore[no-any-return]

    def wanted() -> None:
        context.check_wanted("the workflow was done")

    models = Models(services, context)
    shared: dict[Any, Any] = {}
    try:
        with profile.span("workflow_run", "run"), cancelled_by(wanted):
            with profile.span("workflow_input_assembly", "input"):
                given = read_inputs(plan, inputs, decode)
            execution = Execution(plan, given, share, profile)
            execution.run(lambda name, room: Step(name, models, wanted, room, shared))
            with profile.span("workflow_results_filtering", "output"), context.stage("encode"):
                serialiser = Serialiser()
                outputs = [one for one in plan.definition.outputs if one.name not in excluded]
                rows = [{one.name: execution.nested(one.selector, i) for one in outputs} for i in range(given.count)]
                bodies = [
                    join_object({one.name: serialiser.json(row[one.name], one.own) for one in outputs}) for row in rows
                ]
    finally:
        share.give_back()
    return Outcome(rows, bodies, profile.events)
