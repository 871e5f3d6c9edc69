"""Invocation handling shared by all routes: from headers and body to a response."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import Request

from container.engines.promptable import PromptEngine
from container.errors import BadImage, BadRequest, NotAcceptable, ServingError, UnsupportedMediaType
from container.formats import Streamed, formats
from container.images.base import Limits, Pictures
from container.images.decode import check_bytes, decode
from container.images.pixel_budget import PixelShare
from container.protocols.sagemaker import embedding, sessions, workflows
from container.protocols.sagemaker.documents import FORM, JSON, PROMPTS_HINT, open_form, open_json, read_document
from container.protocols.sagemaker.messages import MAX_ATTRIBUTES, InvocationRequest, InvocationResponse
from container.protocols.sagemaker.negotiation import REFERENCE, UNTYPED, Attributes, Negotiation
from container.service import RequestContext, Services, reading
from container.service.pipeline import Run
from container.service.segmenting import Segmenter
from container.service.sessions import Upload
from container.structures import Image, ModelSpec, Options, Result
from container.structures.clip import ClipQuery
from container.structures.texts import TextQuery
from container.web.body import read_body
from container.web.protocol import KEY_PARAMETER, as_json, error_document
from container.workflows.invoked import Invoked, read

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"

_URLENCODED = "application/x-www-form-urlencoded"  # what curl says of any body
_ANY_BODY = (*UNTYPED, _URLENCODED, "text/plain")  # the last is what fetch says of JSON
_UNCHANGED = (
    "curl -d drops line breaks; send --data-binary @photo.jpg -H 'Content-Type: image/jpeg', or -F image=@photo.jpg"
)
_BREAKS = re.compile(rb"[\r\n]")
_SURELY_BREAKS = 4096  # bytes: one file in 10^13 of this size holds none by chance
_OBJECT = re.compile(rb"\s*\{")


@dataclass(frozen=True)
class Defaults:
    """The operator's defaults for requests that specify neither Accept nor attributes, and what there is to choose."""

    negotiation: Negotiation = field(default_factory=Negotiation)
    accept: str = "application/json"
    attributes: Mapping[str, Any] | None = None  # validated
    workflow: Callable[[], Invoked] | None = None  # that invocations run in place of the one in the model's artifact


def invoke(
    request: Request, services: Services, defaults: Defaults, context: RequestContext, model: str
) -> InvocationResponse:
    """Read, negotiate, decode, predict and encode; every ServingError propagates unchanged."""
    # Read first: a client that is refused while it sends sees a broken connection instead of the error. One that waits
    # to be asked for its body does not send.
    if "Expect" in request.headers and sessions.HEADER not in request.headers:
        with services.pipeline.open(model, context) as run:
            run.admit()
    return respond(read_request(request), services, defaults, context, model)


def read_request(request: Request) -> InvocationRequest:
    """Return the relevant headers and the body of a request; raises the errors of `read_body`.

    The headers of boto3's streaming and asynchronous calls take precedence over the common ones.
    """
    header = request.headers
    return InvocationRequest(
        read_since=time.monotonic(),
        content_type=header.get("X-Amzn-SageMaker-Content-Type") or header.get("Content-Type", ""),
        content_encoding=header.get("Content-Encoding", ""),
        accept=header.get("X-Amzn-SageMaker-Accept") or header.get("Accept", ""),
        attributes=header.get(ATTRIBUTES, ""),
        session=header.get(sessions.HEADER, ""),
        query={name: ",".join(values) for name, values in request.args.lists() if name != KEY_PARAMETER},
        body=read_body(request),
    )


def respond(
    invocation: InvocationRequest, services: Services, defaults: Defaults, context: RequestContext, model: str
) -> InvocationResponse:
    """Run `invoke` on a request that has been read; needs no client connection."""
    negotiation = defaults.negotiation
    media_type = "" if _encoded(invocation) else _media_type(invocation, negotiation)
    if invocation.read_since is not None:
        context.restart(invocation.read_since)
    with services.pipeline.open(model, context) as run:
        # Before the body is parsed: JSON of 25 MB takes 60 ms. With a session the model may not be needed.
        engine = None if invocation.session else run.admit()
        if media_type == FORM:
            invocation = open_form(invocation)
            media_type = _media_type(invocation, negotiation)
        if media_type == JSON:
            invocation = open_json(invocation)
        if invocation.session == sessions.NEW:  # other sessions are of models without a workflow
            engine = run.engine
        if engine is not None and (defaults.workflow or engine.spec.workflow):
            run.release()  # the steps take leases of their own, also of this model
            return _worked(invocation, engine.spec, services, defaults, context, model)
        if engine is not None and engine.query is ClipQuery:
            return _embedded(invocation, media_type, run, services, defaults, context)
        attributes = negotiation.gather(invocation, defaults.attributes)
        context.reference = attributes.values.get(REFERENCE, "")
        choice = negotiation.choose(invocation.accept, attributes, defaults.accept)
        if invocation.session and (closed := sessions.closed(invocation, services.sessions)):
            return closed
        form, options = formats[choice.format], choice.options
        masks = bool(invocation.session) or form.needs_masks(choice)  # the next response of a session may show them
        upload: Upload | None = None  # set if its predictions for the same model and options can be reused
        if invocation.session:
            invocation, upload = sessions.recalled(invocation, model, options, services.sessions)
            if upload is None:
                run.admit()
        try:
            images, batch = run.decode(partial(read_pictures, invocation, negotiation))
        except ServingError as error:
            return _placeholder(error, invocation, attributes, context)
        if len(images) > 1 and not form.batches:
            raise _one_alone(form.media_type, len(images))
        if upload is not None:
            results = [Result(*one, upload.name) for one in zip(images, upload.predictions, strict=True)]
        elif invocation.prompts is not None or isinstance(run.engine, PromptEngine):
            results = [_segmented(invocation, images, options, Segmenter(run, services.embeddings, context))]
        elif run.engine.query is TextQuery:
            attributes = negotiation.told(invocation, attributes, reading.WITHOUT_EFFECT)
            results = reading.read(run, images, options)
        else:
            results = run.predict(images, options, masks)
        body: bytes | Iterator[bytes]
        if isinstance(form, Streamed):
            body = run.stream(form, results[0], choice)
        else:
            body = run.encode(form, results, choice, batch)
        stages, milliseconds = context.rounded(), context.total
    facts = _facts(images[0], results[0].model, run.found, form.media_type, attributes, milliseconds)
    context.fields |= {"bytes_in": len(invocation.body), **facts, "stages_ms": stages}
    headers = _kept(invocation, model, options, results, services)
    return InvocationResponse(body, form.content_type or form.media_type, _fit(facts), headers)


def _kept(
    invocation: InvocationRequest, model: str, options: Options, results: list[Result], services: Services
) -> dict[str, str]:
    """Keep what was found in the session of a request, if it has one; return the headers of the response."""
    if not invocation.session:
        return {}
    upload = Upload.of(invocation.body, invocation.content_type, model, options, results)
    return sessions.keep(invocation.session, upload, services.sessions)


def _one_alone(media_type: str, count: int) -> NotAcceptable:
    return NotAcceptable(
        f"{media_type} holds one picture, and the request has {count}",
        hint="send one picture per request, or accept application/json",
    )


def _worked(
    invocation: InvocationRequest,
    spec: ModelSpec,
    services: Services,
    defaults: Defaults,
    context: RequestContext,
    model: str,
) -> InvocationResponse:
    """Return the response of the workflow that invocations of a model run, on the request's pictures."""
    negotiation = defaults.negotiation
    workflow = defaults.workflow() if defaults.workflow else read(spec.workflow)
    asked = workflows.read(invocation, workflow, negotiation, defaults.accept, defaults.attributes)
    share = PixelShare(services.pipeline.pixels)
    try:
        try:
            with context.stage("decode"):
                pictures = read_pictures(invocation, negotiation, services.pipeline.limits, share)
        except ServingError as error:
            return _placeholder(error, invocation, asked.attributes, context)
        body, found = workflows.run(asked, pictures, services, context, model, share)
    finally:
        share.give_back()
    context.fields |= {"steps": len(workflow.plan.steps), "pictures": len(pictures.images)}
    facts = _facts(pictures.images[0], spec.name, found, asked.form.media_type, asked.attributes, context.total)
    context.fields |= {"bytes_in": len(invocation.body), **facts, "stages_ms": context.rounded()}
    return InvocationResponse(body, asked.form.media_type, _fit(facts))


def _embedded(
    invocation: InvocationRequest,
    media_type: str,
    run: Run,
    services: Services,
    defaults: Defaults,
    context: RequestContext,
) -> InvocationResponse:
    """Return the response of a model that embeds the pictures or the texts of a request."""
    negotiation, limits = defaults.negotiation, services.pipeline.limits
    asked = embedding.read(invocation, media_type, negotiation, defaults.accept, defaults.attributes, limits.max_images)
    share = PixelShare(services.pipeline.pixels)  # of pictures that are held while the model sees some of them
    try:
        contents: Sequence[str | Image]
        if asked.texts is not None:
            contents, batch = asked.texts, asked.batch
        else:
            try:
                contents, batch = run.decode(lambda limits, _: read_pictures(invocation, negotiation, limits, share))
            except ServingError as error:
                return _placeholder(error, invocation, asked.attributes, context)
        found = embedding.embed(contents, run, services.embeddings)
        body = embedding.write(found, asked, batch, run)
    finally:
        share.give_back()
    image = None if isinstance(contents[0], str) else contents[0]
    facts = _facts(image, run.engine.spec.name, len(found), asked.media_type, asked.attributes, context.total)
    context.fields |= {"bytes_in": len(invocation.body), **facts, "stages_ms": context.rounded()}
    return InvocationResponse(body, asked.media_type, _fit(facts))


def _segmented(invocation: InvocationRequest, images: list[Image], options: Options, segmenter: Segmenter) -> Result:
    """Return the masks for the prompts of a request; BadRequest without prompts, in a session, or for an array."""
    if invocation.prompts is None:
        raise BadRequest(f"model {segmenter.engine.spec.name!r} takes prompts, and there are none", hint=PROMPTS_HINT)
    if invocation.session or len(images) != 1:
        raise BadRequest("prompts are for one picture, outside a session: sent again, it is not embedded again")
    return segmenter.predict(images[0], invocation.prompts, options)


def _placeholder(
    error: ServingError, invocation: InvocationRequest, attributes: Attributes, context: RequestContext
) -> InvocationResponse:
    """Return a 200 response for an unreadable image, because an error response would fail a whole batch transform.

    Raises the error unless it is the image's and `on_error` asks for this.
    """
    if error.status >= 500 or attributes.values.get("on_error") != "placeholder":
        raise error
    facts: dict[str, object] = {"error": error.code, "type": "application/json"}
    context.fields |= {"bytes_in": len(invocation.body), **facts}
    return InvocationResponse(as_json(error_document(error, context.id)), "application/json", _fit(facts))


def _facts(
    image: Image | None, model: str, found: int, media_type: str, attributes: Attributes, total_ms: float
) -> dict[str, object]:
    """Return facts about the result for the attributes header, for clients whose response body is an image."""
    facts: dict[str, object] = {"model": model, "n": found}
    if image is not None:
        facts["w"], facts["h"] = image.pixels.shape[1], image.pixels.shape[0]
    facts |= {"ms": round(total_ms), "type": media_type}
    if attributes.trace:
        facts["trace"] = attributes.trace
    if attributes.ignored:
        facts["ignored"] = [key[:40] for key in attributes.ignored[:10]]
    return facts


def read_pictures(
    invocation: InvocationRequest, negotiation: Negotiation, limits: Limits, share: PixelShare | None = None
) -> Pictures:
    """Return the images in a request's body; their pixels are charged to `share`.

    The image type is detected from the bytes: clients, and batch transforms over mixed folders, send the wrong image
    type, or one that says nothing.
    """
    body = invocation.body
    if _encoded(invocation):
        coding = invocation.content_encoding
        raise UnsupportedMediaType(f"Content-Encoding {coding[:40]!r} is not read; send the body as it is")
    media_type = _media_type(invocation, negotiation)
    if media_type == JSON:
        return read_document(invocation, limits, share)
    if media_type in negotiation.sources:
        return negotiation.sources[media_type].read(body, limits, share)
    if (media_type.startswith("image/") and media_type != "image/svg+xml") or media_type in _ANY_BODY:
        check_bytes(len(body), limits)
        read = _decode_form if media_type == _URLENCODED else decode
        return Pictures([read(body, limits, share)])
    raise UnsupportedMediaType(f"Content-Type {media_type[:60]!r} is not read; there is " + negotiation.read)


def _decode_form(body: bytes, limits: Limits, share: PixelShare | None) -> Image:
    """Return the image of a body that curl calls a form; the errors say how to send it without changes.

    Where `curl -d @photo.jpg` has dropped line breaks, decoders may still make a picture of the rest.
    """
    try:
        image = decode(body, limits, share)
        if len(body) > _SURELY_BREAKS and not _BREAKS.search(body):
            raise BadImage("the picture is damaged: it holds no line break")
        return image
    except (BadRequest, UnsupportedMediaType) as error:
        error.hint = _UNCHANGED
        raise


def _encoded(invocation: InvocationRequest) -> bool:
    return invocation.content_encoding.strip().lower() not in ("", "identity")


def _media_type(invocation: InvocationRequest, negotiation: Negotiation) -> str:
    """Return the type of a body, recognised by its first bytes where Content-Type says nothing."""
    named, body = invocation.content_type.split(";")[0].strip().lower(), invocation.body
    if named not in _ANY_BODY:
        return named
    if _OBJECT.match(body):
        return JSON
    begun = [kind for kind, source in negotiation.sources.items() if source.begins and body.startswith(source.begins)]
    return begun[0] if begun else named


def _fit(facts: Mapping[str, object]) -> str:
    """Return facts as ASCII JSON within MAX_ATTRIBUTES, dropping the least important first."""
    kept = dict(facts)
    for droppable in ("ignored", "trace", "model"):
        text = json.dumps(kept, separators=(",", ":"))
        if len(text) <= MAX_ATTRIBUTES:
            break
        kept.pop(droppable, None)
    return json.dumps(kept, separators=(",", ":"))
