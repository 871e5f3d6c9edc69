"""InvokeEndpointAsync: 202 at once, and the answer as an object of S3 later; GET /async/ID tells where one stands.

On SageMaker the platform does all this and calls /invocations; here it is done by the server itself, for code that is
tried without SageMaker. A caller may name only inputs that the operator allows, and never where the output goes: that
is the operator's folder, and the caller's names are below it.
Source: the InvokeEndpointAsync API reference, whose patterns and limits these are.
"""

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from flask import Blueprint, Response, jsonify, request
from werkzeug.datastructures import Headers

from container.errors import NotFound, Overloaded, Unavailable
from container.objects import Location
from container.protocols.openapi import operation
from container.protocols.sagemaker import native
from container.protocols.sagemaker.exchange import Asked
from container.protocols.sagemaker.invocation import Defaults, answer, ask, read_body
from container.protocols.sagemaker.native import NAME_PARAMETER, Refused
from container.protocols.sagemaker.openapi import ASYNC_ANSWERS, ASYNC_STATE, async_invocation, error
from container.service import Services
from container.service.jobs import Job, Jobs, Made
from container.telemetry.timing import Timings

PREFIX = "X-Amzn-SageMaker-"
MOST_INLINE = 128_000  # bytes
_INFERENCE_ID = re.compile(r"[!-~][ -~]{0,63}")
_FILENAME = re.compile(r"(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9_.-]{0,31}")
_EXTENSION = re.compile(r"(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]{1,512}")


@dataclass(frozen=True)
class Places:
    """What the operator set."""

    output: Location | None = None  # results go below it; None: asynchronous invocations are off
    inputs: Sequence[Location] = ()  # callers may name what lies in these folders
    longest: float = 3600.0  # seconds that a request may last, whatever it asks for


def create_blueprint(
    services: Services, defaults: Defaults, names: Sequence[str], places: Places, jobs: Jobs | None
) -> Blueprint:
    """The runtime's route; `names` are the endpoints that exist, or none for any; no `jobs`, and it is off."""
    blueprint = native.create_blueprint("sagemaker_async")
    takes = async_invocation()
    takes["parameters"] = [NAME_PARAMETER, *takes["parameters"]]

    @blueprint.post("/endpoints/<path:name>/async-invocations")
    @operation("InvokeEndpointAsync of the SageMaker Runtime, for boto3 and the AWS CLI", ASYNC_ANSWERS, **takes)
    def invoke_endpoint_async(name: str) -> Response:
        native.check(name, names)
        if jobs is None or places.output is None:
            raise Refused(
                "Asynchronous invocations are off on this server: MASKSERVE_ASYNC_OUTPUT names no s3:// path."
            )
        read = _input(places, jobs, services.limits.max_body_bytes)
        job = _job(places.output, places.longest)

        def work(seconds: float) -> Made:
            reply = answer(read(), services, defaults, Timings(seconds))
            return Made(reply.whole(), reply.media_type, reply.log)

        try:
            jobs.add(job, work)
        except Overloaded as full:
            raise Refused(full.message, "ThrottlingException", 429) from None
        except Unavailable as ending:
            raise Refused(ending.message, "ServiceUnavailable", 503) from None
        headers = {
            PREFIX + "OutputLocation": str(job.output),
            PREFIX + "FailureLocation": str(job.failure),
            **native.request_id(),
        }
        response = jsonify(InferenceId=job.id)
        response.status_code = 202
        response.headers.update(headers)
        return response

    return blueprint


def create_states_blueprint(jobs: Jobs | None) -> Blueprint:
    """The route that tells how asynchronous requests stand."""
    blueprint = Blueprint("sagemaker_async_states", __name__)

    @blueprint.get("/async/<path:inference_id>")
    @operation(
        "How an asynchronous request stands",
        {"200": ASYNC_STATE, "404": error("No such request, or asynchronous requests are off")},
        parameters=[{"in": "path", "name": "inference_id", "required": True, "schema": {"type": "string"}}],
    )
    def state(inference_id: str) -> Response:
        if jobs is None:
            raise NotFound("asynchronous requests are off on this server (MASKSERVE_ASYNC_OUTPUT)")
        job = jobs.get(inference_id)
        told = {
            "InferenceId": job.id,
            "State": job.state,
            "OutputLocation": str(job.output),
            "FailureLocation": str(job.failure),
        }
        return jsonify({**told, "Error": job.error} if job.error else told)

    return blueprint


def _input(places: Places, jobs: Jobs, most: int) -> Callable[[], Asked]:
    """What reads the request's input: its body, or later the object that it names."""
    named = request.headers.get(PREFIX + "InputLocation", "")
    if (request.content_length or 0) > MOST_INLINE:
        raise Refused(f"Body is {request.content_length} bytes long; at most {MOST_INLINE} are allowed.")
    asked = replace(ask(request, read_body(request)), session="")
    if len(asked.body) > MOST_INLINE:
        raise Refused(f"Body is {len(asked.body)} bytes long; at most {MOST_INLINE} are allowed.")
    if bool(named) == bool(asked.body):
        raise Refused("Exactly one of Body and InputLocation is wanted.")
    if not named:
        return lambda: asked
    location = _location(named, "InputLocation")
    if not any(location.within(folder) for folder in places.inputs):
        raise Refused(f"InputLocation {str(location)[:200]} lies in none of the folders of MASKSERVE_ASYNC_INPUTS.")
    return lambda: replace(asked, body=jobs.store.read(location, most))


def _job(output: Location, longest: float) -> Job:
    """The job that the headers describe, and where it writes."""
    headers = request.headers
    given = headers.get(PREFIX + "Inference-Id", "")
    if given and not _INFERENCE_ID.fullmatch(given):
        raise Refused("InferenceId takes 1 to 64 printable characters.")
    name = headers.get(PREFIX + "Filename", "")
    if name and not _FILENAME.fullmatch(name):
        raise Refused(f"Filename is {name[:40]!r}; it takes 1 to 32 of A-Z a-z 0-9 - _ and one dot.")
    name = name or f"{uuid.uuid4()}.out"
    folder = output
    if extension := headers.get(PREFIX + "S3OutputPathExtension", ""):
        if not _EXTENSION.fullmatch(extension):
            raise Refused(f"S3OutputPathExtension is {extension[:40]!r}; it takes 1 to 512 of A-Z a-z 0-9 !_.*'()/-.")
        folder = _location(f"{str(output).removesuffix('/')}/{extension.strip('/')}", "S3OutputPathExtension")
    stem, dot, ending = name.partition(".")
    return Job(
        id=given or str(uuid.uuid4()),
        output=folder / name,
        failure=folder / f"{stem}-error{dot}{ending}",
        ttl_seconds=_seconds(headers, "RequestTTLSeconds", 60, 21_600, 21_600),
        seconds=min(longest, _seconds(headers, "InvocationTimeoutSeconds", 1, 3600, 900)),
    )


def _location(text: str, name: str) -> Location:
    try:
        return Location.parse(text)
    except ValueError as reason:
        raise Refused(f"{name}: {reason}.") from None


def _seconds(headers: Headers, name: str, least: int, most: int, default: int) -> int:
    text = headers.get(PREFIX + name) or str(default)
    if not re.fullmatch(r"[0-9]{1,5}", text) or not least <= int(text) <= most:
        raise Refused(f"{name} is {text[:20]!r}; it takes {least} to {most}.")
    return int(text)
