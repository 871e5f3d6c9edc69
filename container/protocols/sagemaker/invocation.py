"""One invocation, whichever route it came by: headers and bytes in, a reply out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from container.errors import BadRequest, BodyTooLarge, NotAcceptable
from container.formats import formats
from container.protocols.client import gone
from container.protocols.sagemaker.attributes import Attributes, parse
from container.protocols.sagemaker.body import read_pictures
from container.protocols.sagemaker.negotiation import negotiate
from container.service import Services
from container.service.services import DEFAULT_MODEL
from container.structures import Result
from container.telemetry.timing import Timings

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
MAX_ATTRIBUTES = 1024  # characters that the platform lets through


@dataclass(frozen=True)
class Defaults:
    """What the operator set for requests that say nothing."""

    accept: str = "application/json"
    attributes: Mapping[str, Any] | None = None  # checked


@dataclass(frozen=True)
class Reply:
    """A good answer."""

    body: bytes
    media_type: str
    facts: str  # for ATTRIBUTES
    log: Mapping[str, object]


def invoke(request: Request, services: Services, defaults: Defaults, model: str = DEFAULT_MODEL) -> Reply:
    """Read, negotiate, decode, predict, encode; any ServingError rises untouched."""
    timings = Timings(services.deadline_seconds, partial(gone, request.environ))
    with timings.stage("read"):  # first: clients that are refused while they send see a broken connection instead
        body = read_body(request)
    attributes = parse(request.headers.get(ATTRIBUTES, ""), defaults.attributes)
    choice = negotiate(request.headers.get("Accept", ""), attributes, defaults.accept)
    with timings.stage("decode"):
        images, batch = read_pictures(
            request.headers.get("Content-Type", ""), request.headers.get("Content-Encoding", ""), body, services.limits
        )
    form = formats[choice.format]
    if len(images) > 1 and not form.batches:
        raise NotAcceptable(
            f"{form.media_type} holds one picture, and the request has {len(images)}",
            hint="send one picture per request, or accept application/json",
        )
    options = form.options(choice)
    results = [services.inference.predict(image, options, model, timings) for image in images]
    with timings.stage("encode"):
        answer = form.encode_batch(results, choice) if batch else form.encode(results[0], choice)
    facts = _facts(results, form.media_type, attributes, timings.total)
    log = {"bytes_in": len(body), **facts, "stages_ms": {k: round(v, 1) for k, v in timings.stages.items()}}
    return Reply(answer, form.media_type, _fit(facts), log)


def read_body(request: Request, keep: bool = False) -> bytes:
    """The whole body, to be read once unless it is kept; BodyTooLarge over the limit, BadRequest where it breaks off
    or its chunks are malformed.
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
    except Exception as error:
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
