"""Invocations that run a workflow: a picture and parameters in, its outputs as JSON or its first picture out.

What an invocation may say is OPTIONS and the parameters of the workflow; anything else is an error, as a name that is
passed over would be a parameter that has no effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from container.errors import BadRequest, NotAcceptable, shown
from container.formats import Documents, Drawn, formats
from container.images.base import Pictures
from container.images.pixel_budget import PixelShare
from container.protocols.sagemaker.messages import InvocationRequest
from container.protocols.sagemaker.negotiation import Attributes, Negotiation
from container.service import RequestContext, Services
from container.workflows.invoked import OPTIONS, Invoked
from container.workflows.run import run_workflow
from container.workflows.values import Picture

MAX_NAMED = 100  # names in a message


@dataclass(frozen=True)
class Asked:
    """What an invocation asks of a workflow."""

    workflow: Invoked
    parameters: Mapping[str, Any]
    attributes: Attributes  # the OPTIONS, with the operator's defaults
    form: Drawn | Documents  # of the answer


class Answer(NamedTuple):
    """The body of an answer, and how many instances models have found for it."""

    body: bytes
    found: int


def read(
    invocation: InvocationRequest,
    workflow: Invoked,
    negotiation: Negotiation,
    accept: str,
    defaults: Mapping[str, Any] | None,
) -> Asked:
    """Return what an invocation asks; `accept` and `defaults` are the operator's media type and attributes.

    Raises BadRequest for names that mean nothing here, wrong values, prompts and sessions; NotAcceptable.
    """
    if invocation.session:
        raise BadRequest(
            "a session keeps what a model has found in a picture, and here a workflow is run",
            hint="send the picture with every request, and no X-Amzn-SageMaker-Session-Id",
        )
    if invocation.prompts is not None:
        raise BadRequest("prompts are for a promptable model, and here a workflow is run", hint=_takes(workflow))
    header, trace = negotiation.read_header(invocation.attributes)
    options, parameters = dict[str, Any](), dict[str, Any]()
    for given in (invocation.parameters, invocation.fields, invocation.query, header):
        as_text = given is invocation.fields or given is invocation.query
        for name, value in given.items():
            if name in OPTIONS:
                options[name] = _option(negotiation, name, value, as_text)
            elif name in workflow.parameters:
                parameters[name] = workflow.from_text(name, value) if as_text else value
            else:
                wrong = "means nothing to a workflow" if name in negotiation.attributes else "is unknown"
                raise BadRequest(f"option {shown(name)} {wrong}", hint=_takes(workflow))
    own = {name: value for name, value in (defaults or {}).items() if name in OPTIONS}
    wanted, usual = (negotiation.media_type(one.get("response_type", "")) for one in (options, own))
    form = _form(invocation.accept, wanted, usual or accept, workflow, negotiation)
    return Asked(workflow, parameters, Attributes(own | options, invocation.ignored, trace), form)


def run(
    asked: Asked, pictures: Pictures, services: Services, context: RequestContext, model: str, share: PixelShare
) -> Answer:
    """Return the answer to pictures, whose pixels are counted in `share`; `model` is the key of the invoked one.

    An array of pictures is answered by an array, or by a line each. Raises NotAcceptable where a picture is asked for
    and there is none, or there are several; and the errors of `run_workflow`.
    """
    form, images = asked.form, pictures.images
    if isinstance(form, Drawn) and len(images) > 1:
        raise NotAcceptable(
            f"{form.media_type} holds one picture, and the request has {len(images)}",
            hint="send one picture per request, or accept application/json",
        )
    outcome = run_workflow(
        asked.workflow.plan,
        {**asked.parameters, asked.workflow.image: images if pictures.batch else images[0]},
        services,
        context,
        share=share,
        served=model,
        encode=partial(_first_picture, form, asked) if isinstance(form, Drawn) else None,
    )
    body = form.join(outcome.bodies, pictures.batch) if isinstance(form, Documents) else outcome.bodies[0]
    return Answer(body, outcome.found)


def _first_picture(form: Drawn, asked: Asked, outputs: Mapping[str, Any]) -> bytes:
    for value in outputs.values():
        if isinstance(value, Picture):
            return form.file(value.pixels, asked.attributes.appearance())
    raise _no_picture(form.media_type, asked.workflow)


def _option(negotiation: Negotiation, name: str, value: Any, as_text: bool) -> Any:
    declared = negotiation.attributes[name]
    try:
        return declared.parse(name, value) if as_text else declared.check(name, value)
    except ValueError as error:
        raise BadRequest(f"option {error}") from None


def _takes(workflow: Invoked) -> str:
    names = (*workflow.parameters, *OPTIONS)
    others = " and others" if len(names) > MAX_NAMED else ""
    return f"it takes: {', '.join(names[:MAX_NAMED])}{others}"


def _form(accept: str, wanted: str, default: str, workflow: Invoked, negotiation: Negotiation) -> Drawn | Documents:
    """Return the format of the answer: a picture only where an output may be one, whatever the operator wants."""
    offered: dict[str, Drawn | Documents] = {}
    for media_type, name in negotiation.offers.items():
        form = formats[name]
        if isinstance(form, Drawn | Documents):
            offered[media_type] = form
    if wanted and wanted not in offered:
        raise NotAcceptable(f"{wanted} is asked for, and a workflow is answered by {', '.join(offered)}")
    chosen = negotiation.pick(accept, (wanted, default), offered)
    if isinstance(offered[chosen], Documents) or workflow.draws:
        return offered[chosen]
    documents = [media_type for media_type, form in offered.items() if isinstance(form, Documents)]
    if chosen == wanted:
        raise _no_picture(chosen, workflow)
    try:
        return offered[negotiation.pick(accept, (wanted, default), documents)]
    except NotAcceptable:
        raise _no_picture(chosen, workflow) from None


def _no_picture(media_type: str, workflow: Invoked) -> NotAcceptable:
    names = [output.name for output in workflow.plan.definition.outputs]
    return NotAcceptable(
        f"{media_type} is asked for, and the workflow gives no picture; its outputs are: "
        + (", ".join(names[:MAX_NAMED]) or "none"),
        hint="accept application/json",
    )
