"""One invocation, whichever route it came by: headers and bytes in, a reply out."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from container import memory
from container.cancellation import cancelled_by
from container.errors import BadRequest, BodyTooLarge, NotAcceptable, ServingError
from container.formats import Streamed, formats
from container.protocols import errors
from container.protocols.client import gone
from container.protocols.sagemaker import sessions
from container.protocols.sagemaker.attributes import Attributes, parse
from container.protocols.sagemaker.body import read_pictures
from container.protocols.sagemaker.exchange import Asked, Reply
from container.protocols.sagemaker.negotiation import negotiate
from container.service import Services
from container.service.services import DEFAULT_MODEL
from container.service.sessions import Found
from container.structures import Image, Options, Result
from container.telemetry.timing import Timings

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
MAX_ATTRIBUTES = 1024  # characters that the platform lets through


@dataclass(frozen=True)
class Defaults:
    """What the operator set for requests that say nothing."""

    accept: str = "application/json"
    attributes: Mapping[str, Any] | None = None  # checked


def invoke(request: Request, services: Services, defaults: Defaults, model: str = DEFAULT_MODEL) -> Reply:
    """Read, negotiate, decode, predict, encode; any ServingError rises untouched."""
    timings = Timings(services.deadline_seconds, partial(gone, request.environ))
    with timings.stage("read"):  # first: clients that are refused while they send see a broken connection instead
        body = read_body(request)
    return answer(ask(request, body), services, defaults, timings, model)


def ask(request: Request, body: bytes) -> Asked:
    """The headers that matter; those of boto3's streaming and asynchronous calls come before the common ones."""
    header = request.headers
    return Asked(
        body,
        content_type=header.get("X-Amzn-SageMaker-Content-Type") or header.get("Content-Type", ""),
        content_encoding=header.get("Content-Encoding", ""),
        accept=header.get("X-Amzn-SageMaker-Accept") or header.get("Accept", ""),
        attributes=header.get(ATTRIBUTES, ""),
        session=header.get(sessions.HEADER, ""),
        request_id=request.environ.get("maskserve.request_id", ""),
    )


def answer(asked: Asked, services: Services, defaults: Defaults, timings: Timings, model: str = DEFAULT_MODEL) -> Reply:
    """`invoke` for what has been read, whether or not there is a connection to send the reply on."""
    attributes = parse(asked.attributes, defaults.attributes)
    choice = negotiate(asked.accept, attributes, defaults.accept)
    if reply := sessions.closed(asked, services.sessions):
        return reply
    form = formats[choice.format]
    options = form.options(choice)
    if asked.session:  # the next answer may show masks
        options = replace(options, skip_masks=None)
    asked, found = sessions.recalled(asked, services.sessions)
    if found is None or (found.model, found.options) != (model, options):
        found = None
        services.inference.admit(model, timings)
    try:
        with timings.stage("decode"):
            images, batch = read_pictures(asked.content_type, asked.content_encoding, asked.body, services.limits)
    except ServingError as error:
        if error.status >= 500 or attributes.values.get("on_error") != "placeholder":
            raise
        return _placeholder(error, asked)
    if len(images) > 1 and not form.batches:
        raise NotAcceptable(
            f"{form.media_type} holds one picture, and the request has {len(images)}",
            hint="send one picture per request, or accept application/json",
        )
    found = found or _find(images, options, model, services, timings)
    results = [Result(image, one, found.name) for image, one in zip(images, found.predictions, strict=True)]
    log: dict[str, object] = {"bytes_in": len(asked.body)}
    body: bytes | Iterator[bytes]
    if isinstance(form, Streamed):
        body = _begun(_wanted(form.pieces(results[0], choice), timings, log))
    else:
        encoded = partial(timings.check_wanted, "the answer was encoded")
        with timings.stage("encode"), cancelled_by(encoded):
            body = form.encode_batch(results, choice) if batch else form.encode(results[0], choice)
    timings.check("the answer was encoded")
    facts = _facts(results, form.media_type, attributes, timings.total)
    log |= {**facts, "stages_ms": timings.rounded()}
    headers = sessions.keep(asked, found, services.sessions)
    return Reply(body, form.media_type, _fit(facts), log, headers)


def _find(images: list[Image], options: Options, model: str, services: Services, timings: Timings) -> Found:
    results = [services.inference.predict(image, options, model, timings) for image in images]
    return Found(model, options, tuple(result.prediction for result in results), results[0].model)


def _placeholder(error: ServingError, asked: Asked) -> Reply:
    """A good answer in place of one to a picture that cannot be read, which would fail a whole batch transform."""
    facts: dict[str, object] = {"error": error.code, "type": "application/json"}
    return Reply(
        errors.as_json(error, asked.request_id), "application/json", _fit(facts), {"bytes_in": len(asked.body), **facts}
    )


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """`pieces`, the first of which is made now: what fails until then can still be answered by an error."""
    first = next(pieces, b"")

    def all_of_them() -> Iterator[bytes]:
        yield first
        yield from pieces

    return all_of_them()


def _wanted(pieces: Iterator[bytes], timings: Timings, log: dict[str, object]) -> Iterator[bytes]:
    """`pieces` for as long as somebody waits for them; what they took goes into `log`.

    DeadlineExceeded or ClientGone in between.
    """
    sent = 0
    try:
        while True:
            begun = time.monotonic()
            piece = next(pieces, None)
            timings.spend("encode", (time.monotonic() - begun) * 1000)
            if piece is None:
                return
            sent += len(piece)
            begun = time.monotonic()
            yield piece
            timings.spend("send", (time.monotonic() - begun) * 1000)
            timings.check_wanted("the answer was complete")
    finally:
        timings.observe("encode", "send")
        log |= {"bytes_out": sent, "stages_ms": timings.rounded()}


def read_body(request: Request, keep: bool = False) -> bytes:
    """The whole body, to be read once unless it is kept; BodyTooLarge over the limit, Overloaded or MemoryError
    where there is no memory for it now, BadRequest where it breaks off or its chunks are malformed.
    """
    try:
        # Before anything touches request.form, which would swallow a body that curl calls a form.
        body = request.get_data(cache=keep)
        full = request.content_length is None and len(body) == request.max_content_length
        if full and request.environ["wsgi.input"].read(1):
            raise RequestEntityTooLarge  # werkzeug cuts a chunked body at the limit and says nothing
    except (RequestEntityTooLarge, BodyTooLarge):
        raise BodyTooLarge(
            f"the body is over {(request.max_content_length or 0) / 1024**2:g} MB",
            hint="the limit is set by SAGEMAKER_MAX_PAYLOAD_IN_MB",
        ) from None
    except ClientDisconnected:
        raise BadRequest("the body broke off") from None
    except ServingError:
        raise
    except Exception as error:
        if memory.lacking(error):
            raise
        # gunicorn's parser raises its own errors, of several families, out of wsgi.input on malformed chunks.
        raise BadRequest("the body cannot be read: its chunks are malformed or it broke off") from error
    if request.content_length is not None and len(body) < request.content_length:
        raise BadRequest(f"the body broke off after {len(body)} of {request.content_length} bytes")
    return body


def _facts(results: list[Result], media_type: str, attributes: Attributes, total_ms: float) -> dict[str, object]:
    """What a caller who gets a picture would otherwise not learn."""
    first = results[0]
    facts: dict[str, object] = {
        "model": first.model,
        "n": sum(len(result.prediction) for result in results),
        "w": first.image.size[1],
        "h": first.image.size[0],
        "ms": round(total_ms),
        "type": media_type,
    }
    if attributes.trace:
        facts["trace"] = attributes.trace
    if attributes.ignored:
        facts["ignored"] = [key[:40] for key in attributes.ignored[:10]]
    return facts


def _fit(facts: Mapping[str, object]) -> str:
    """`facts` as ASCII JSON within the platform's limit, giving up the least important first."""
    kept = dict(facts)
    for droppable in ("ignored", "trace", "model"):
        text = json.dumps(kept, separators=(",", ":"))
        if len(text) <= MAX_ATTRIBUTES:
            break
        kept.pop(droppable, None)
    return json.dumps(kept, separators=(",", ":"))
