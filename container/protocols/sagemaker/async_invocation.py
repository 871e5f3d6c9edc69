"""InvokeEndpointAsync: returns 202 immediately and writes the result to S3 later; GET /async/ID returns the state.

On SageMaker, the platform does this and calls /invocations; here the server does it itself, for code that is tested
without SageMaker. Clients may name only inputs that the operator allows. The operator sets the output folder, and the
client's names are placed below it.
Source: the InvokeEndpointAsync API reference, which defines these patterns and limits.
"""

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.datastructures import Headers

from container.errors import NotFound, Overloaded, Unavailable, setting_name
from container.protocols.sagemaker import runtime_errors
from container.protocols.sagemaker.async_queue import AsyncQueue, Job, JobResult
from container.protocols.sagemaker.invocation import Defaults, read_request, respond
from container.protocols.sagemaker.messages import InvocationRequest
from container.protocols.sagemaker.openapi import ASYNC_ANSWERS, ASYNC_STATE_ANSWERS, async_invocation
from container.protocols.sagemaker.runtime_errors import Refused, endpoint_parameter
from container.s3 import Location
from container.service import RequestContext, Services
from container.web.openapi import operation

BLUEPRINT = "sagemaker_async"
PREFIX = "X-Amzn-SageMaker-"
MAX_INLINE = 128_000  # bytes
_INFERENCE_ID = re.compile(r"[!-~][ -~]{0,63}")
MAX_FILENAME = 32  # characters
_FILENAME = re.compile(r"(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9_.-]*")
_EXTENSION = re.compile(r"(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]{1,512}")


@dataclass(frozen=True)
class AsyncLocations:
    """The S3 locations and the time limit that the operator has set."""

    output: Location | None = None  # folder of the results; None: asynchronous invocations are off
    inputs: Sequence[Location] = ()  # folders from which clients may name inputs
    max_seconds: float = 3600.0  # upper limit on the time limit of a request


def create_blueprint(
    services: Services, defaults: Defaults, names: Sequence[str], locations: AsyncLocations, queue: AsyncQueue | None
) -> Blueprint:
    """Return the blueprint of InvokeEndpointAsync.

    `names` are the existing endpoints, or empty to accept any name. Without a `queue`, requests are refused.
    """
    blueprint = Blueprint(BLUEPRINT, __name__)
    takes = async_invocation(defaults.negotiation)
    takes["parameters"] = [endpoint_parameter(names), *takes["parameters"]]

    @blueprint.post("/endpoints/<path:name>/async-invocations")
    @operation("InvokeEndpointAsync of the SageMaker Runtime, for boto3 and the AWS CLI", ASYNC_ANSWERS, **takes)
    def invoke_endpoint_async(name: str) -> Response:
        runtime_errors.check(name, names)
        return accept(services, defaults, locations, queue)

    return blueprint


def accept(
    services: Services,
    defaults: Defaults,
    locations: AsyncLocations,
    queue: AsyncQueue | None,
    max_filename: int = MAX_FILENAME,
) -> Response:
    """Queue the request and return the response that says where its answer will be; Refused if that cannot be."""
    if queue is None or locations.output is None:
        raise Refused(
            f"Asynchronous invocations are off on this server: {setting_name('async_output')} names no s3:// path."
        )
    read = _input(locations, queue, services.pipeline.limits.max_body_bytes)
    request_id = g.context.id
    job = _job(locations.output, locations.max_seconds, max_filename)

    def task(seconds: float) -> JobResult:
        context = RequestContext(seconds, id=request_id)
        response = respond(read(), services, defaults, context, services.pool.policy.served)
        return JobResult(response.whole(), response.media_type, context.fields)

    try:
        queue.add(job, task)
    except Overloaded as full:
        raise Refused(full.message, "ThrottlingException", 429) from None
    except Unavailable as ending:
        raise Refused(ending.message, "ServiceUnavailable", 503) from None
    response = jsonify(InferenceId=job.id)
    response.status_code = 202
    response.headers[PREFIX + "OutputLocation"] = str(job.output)
    response.headers[PREFIX + "FailureLocation"] = str(job.failure)
    response.headers.update(runtime_errors.id_header(request_id))
    return response


def create_states_blueprint(queue: AsyncQueue | None) -> Blueprint:
    """Return the blueprint of the route for the state of asynchronous requests."""
    blueprint = Blueprint("sagemaker_async_states", __name__)

    @blueprint.get("/async/<path:inference_id>")
    @operation(
        "How an asynchronous request stands",
        ASYNC_STATE_ANSWERS,
        parameters=[{"in": "path", "name": "inference_id", "required": True, "schema": {"type": "string"}}],
    )
    def state(inference_id: str) -> Response:
        if queue is None:
            raise NotFound(f"asynchronous requests are off on this server ({setting_name('async_output')})")
        first, *others = map(_described, queue.get(inference_id))
        return jsonify({"InferenceId": inference_id, **first, **({"Others": others} if others else {})})

    return blueprint


def _described(job: Job) -> dict[str, str]:
    told = {"State": job.state, "OutputLocation": str(job.output), "FailureLocation": str(job.failure)}
    return {**told, "Error": job.error} if job.error else told


def _input(locations: AsyncLocations, queue: AsyncQueue, max_bytes: int) -> Callable[[], InvocationRequest]:
    """Return a function that provides the input: the request's body, or the S3 object it names, read when called."""
    named = request.headers.get(PREFIX + "InputLocation", "")
    if (request.content_length or 0) > MAX_INLINE:
        raise Refused(f"Body is {request.content_length} bytes long; at most {MAX_INLINE} are allowed.")
    invocation = replace(read_request(request), session="", read_since=None)
    if len(invocation.body) > MAX_INLINE:
        raise Refused(f"Body is {len(invocation.body)} bytes long; at most {MAX_INLINE} are allowed.")
    if bool(named) == bool(invocation.body):
        raise Refused("Exactly one of Body and InputLocation is wanted.")
    if not named:
        return lambda: invocation
    location = _location(named, "InputLocation")
    if not any(location.within(folder) for folder in locations.inputs):
        folders = setting_name("async_inputs")
        raise Refused(f"InputLocation {str(location)[:200]} lies in none of the folders of {folders}.")
    return lambda: replace(invocation, body=queue.store.read(location, max_bytes))


def _job(output: Location, max_seconds: float, max_filename: int) -> Job:
    """Return the job that the headers describe, with its output locations; Refused for invalid headers.

    A file name of the caller's lies in a folder of its own, so that no caller overwrites the answer of another.
    """
    headers = request.headers
    given = headers.get(PREFIX + "Inference-Id", "")
    if given and not _INFERENCE_ID.fullmatch(given):
        raise Refused("InferenceId takes 1 to 64 printable characters.")
    name = headers.get(PREFIX + "Filename", "")
    if name and (len(name) > max_filename or not _FILENAME.fullmatch(name)):
        raise Refused(f"Filename is {name[:40]!r}; it takes 1 to {max_filename} of A-Z a-z 0-9 - _ and one dot.")
    own = str(uuid.uuid4())
    path = f"{own}/{name}" if name else f"{own}.out"
    folder = output
    if extension := headers.get(PREFIX + "S3OutputPathExtension", ""):
        if not _EXTENSION.fullmatch(extension):
            raise Refused(f"S3OutputPathExtension is {extension[:40]!r}; it takes 1 to 512 of A-Z a-z 0-9 !_.*'()/-.")
        folder = _location(f"{str(output).removesuffix('/')}/{extension.strip('/')}", "S3OutputPathExtension")
    stem, dot, ending = path.partition(".")
    return Job(
        id=given or own,
        output=folder / path,
        failure=folder / f"{stem}-error{dot}{ending}",
        ttl_seconds=_seconds(headers, "RequestTTLSeconds", 60, 21_600, 21_600),
        seconds=min(max_seconds, _seconds(headers, "InvocationTimeoutSeconds", 1, 3600, 900)),
    )


def _location(text: str, name: str) -> Location:
    try:
        return Location.parse(text)
    except ValueError as reason:
        raise Refused(f"{name}: {reason}.") from None


def _seconds(headers: Headers, name: str, minimum: int, maximum: int, default: int) -> int:
    text = headers.get(PREFIX + name) or str(default)
    if not re.fullmatch(r"[0-9]{1,5}", text) or not minimum <= int(text) <= maximum:
        raise Refused(f"{name} is {text[:20]!r}; it takes {minimum} to {maximum}.")
    return int(text)
