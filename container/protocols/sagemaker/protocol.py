"""The SageMaker protocol class: its paths, its routes and its error formats."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request

from container.errors import BadRequest, NotFound, ServingError
from container.fields import comma_list
from container.models.policies.explicit import Explicit, Loaded
from container.protocols.sagemaker import async_invocation, endpoint, multi_model, routers, runtime, runtime_errors
from container.protocols.sagemaker.async_invocation import AsyncLocations
from container.protocols.sagemaker.async_queue import AsyncQueue
from container.protocols.sagemaker.invocation import ATTRIBUTES, Defaults
from container.protocols.sagemaker.negotiation import Negotiation
from container.protocols.sagemaker.sessions import CLOSED_ID, NEW_ID
from container.s3 import S3, Folder, Location
from container.service import Services
from container.settings import Settings, variables
from container.web.protocol import Protocol, Section
from container.workflows.errors import WorkflowError
from container.workflows.invoked import Invoked, invoked
from container.workflows.named import Library

# The paths of AWS's own APIs, and the one that tells how asynchronous requests stand.
RUNTIMES = ("/endpoints", "/inference-routers", "/async")
_ANY_ENDPOINT = "my-instance-segmentation"  # in examples, where every name is taken


class SageMaker(Protocol):
    """The hosting contract on the container's routes, and the runtime APIs with their typed errors."""

    name = "sagemaker"
    prefixes = ("/ping", "/invocations", "/execution-parameters", "/models", *RUNTIMES)
    health_routes = ("/ping",)
    request_id_headers = ("X-Amzn-SageMaker-Inference-Id",)
    exposed_headers = (ATTRIBUTES, NEW_ID, CLOSED_ID)
    sections = (
        Section(
            "Invoke",
            "A picture in; labels, boxes and masks, or the picture with its masks drawn, out",
            ("/invocations", "/models/{name}/invoke"),
            0,
        ),
        Section(
            "Health", "Whether requests may be sent, and how many at a time", ("/ping", "/execution-parameters"), 10
        ),
        Section("Models", "Those of a multi-model endpoint, which are loaded and unloaded by name", ("/models",), 20),
        Section(
            "SageMaker Runtime",
            "AWS's own routes, for boto3 and the AWS CLI unchanged",
            ("/endpoints/{name}/invocations", *RUNTIMES),
            30,
        ),
    )
    example = "curl --data-binary @photo.jpg -H 'Accept: image/png' -o masks.png {url}/invocations"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._defaults = replace(read_defaults(settings), workflow=read_workflow(settings))
        self._locations = read_async_locations(settings)
        self._queue: AsyncQueue | None = None
        if settings.multi_model and settings.async_output:
            raise ValueError(
                f"{variables('async_output')[0]} is set, and multi-model endpoints take no asynchronous requests"
            )

    def blueprints(self, services: Services) -> Iterable[Blueprint]:
        """Return the blueprints of /ping and /invocations, /models (multi-model only), and of RUNTIMES."""
        settings, defaults, names = self.settings, self._defaults, comma_list(self.settings.endpoint_names)
        capacity = endpoint.BatchCapacity(
            settings.max_payload_mb, settings.max_concurrent_transforms, settings.processes
        )
        if self._locations.output:
            store = Folder(Path(settings.local_s3)) if settings.local_s3 else S3()
            self._queue = AsyncQueue(store, services.draining)
        yield endpoint.create_blueprint(services, defaults, capacity)
        if isinstance(services.pool.policy, Explicit):
            yield multi_model.create_blueprint(services.pool.policy, services, defaults)
        yield runtime.create_blueprint(services, defaults, names)
        yield async_invocation.create_blueprint(services, defaults, names, self._locations, self._queue)
        yield routers.create_blueprint(services, defaults, self._locations, self._queue)
        yield async_invocation.create_states_blueprint(self._queue)

    def error_response(self, error: ServingError, request_id: str) -> Response:
        """Return the response to an error; on the runtimes' routes, and below them, it has a type that boto3 knows."""
        typed = request.blueprint in (runtime.BLUEPRINT, async_invocation.BLUEPRINT, routers.BLUEPRINT)
        if typed or (request.url_rule is None and request.path.startswith(RUNTIMES)):
            return runtime_errors.typed_response(error, request_id)
        return super().error_response(error, request_id)

    def facts(self, services: Services) -> Mapping[str, Any]:
        """Return the path that a picture is sent to, relative to the page, and the operator's defaults.

        On a multi-model endpoint each of `models` has its path. `workflow`: a workflow runs in place of the model.
        """
        policy, names = services.pool.policy, comma_list(self.settings.endpoint_names)
        engine = services.pool.peek(policy.served)
        return {
            "invoke": "invocations" if policy.served else None,
            "models": list(map(_invoked, policy.loaded())) if isinstance(policy, Explicit) else [],
            "endpoint": names[0] if names else _ANY_ENDPOINT,
            "defaults": self._defaults.attributes or {},
            "workflow": bool(self._defaults.workflow or (engine and engine.spec.workflow)),
        }

    def close(self) -> None:
        """Wait for asynchronous requests in progress."""
        if self._queue is not None:
            self._queue.close()


def _invoked(model: Loaded) -> dict[str, str | None]:
    """Return how a model of a multi-model endpoint is asked: its path, and its TargetModel where it has one."""
    return {"name": model.name, "invoke": f"models/{quote(model.name)}/invoke", "target": model.target}


def read_defaults(settings: Settings) -> Defaults:
    """Return the operator's default Accept and attributes; ValueError names an invalid setting."""
    negotiation = Negotiation()
    media_type = settings.default_accept.split(";")[0].strip().lower()
    if media_type not in negotiation.offers:
        raise ValueError(
            f"{variables('default_accept')[0]} is {media_type!r}; it takes {', '.join(negotiation.offers)}"
        )
    try:
        given = negotiation.parse(settings.default_attributes)
    except BadRequest as error:
        raise ValueError(f"{variables('default_attributes')[0]}: {error}") from None
    if given.ignored or given.trace:
        raise ValueError(
            f"{variables('default_attributes')[0]} takes a JSON object of {', '.join(negotiation.attributes)}; "
            f"not {', '.join(given.ignored) or settings.default_attributes[:40]!r}"
        )
    return Defaults(negotiation, media_type, given.values)


def read_workflow(settings: Settings) -> Callable[[], Invoked] | None:
    """Return what finds the workflow that the settings name, or None if they name none.

    ValueError if the named one cannot be run.
    """
    if not settings.invoke_workflow:
        return None
    library = Library(Path(settings.workflows) if settings.workflows else None)

    def named() -> Invoked:
        return invoked(library.plan(settings.invoke_workflow))  # the file may be another since the last request

    try:
        invoked(library.plan(settings.invoke_workflow))
    except (NotFound, WorkflowError) as error:
        name = variables("invoke_workflow")[0]
        raise ValueError(f"{name} is {settings.invoke_workflow[:40]!r}: {error.message}") from None
    return named


def read_async_locations(settings: Settings) -> AsyncLocations:
    """Return the S3 locations that asynchronous requests read and write; ValueError names an invalid setting."""

    def parsed(name: str) -> tuple[Location, ...]:
        try:
            return tuple(Location.parse(one) for one in comma_list(getattr(settings, name)))
        except ValueError as reason:
            raise ValueError(f"{variables(name)[0]}: {reason}") from None

    outputs = parsed("async_output")
    if len(outputs) > 1:
        raise ValueError(f"{variables('async_output')[0]} is {settings.async_output!r}; it takes one path")
    if settings.local_s3 and not Path(settings.local_s3).is_dir():
        raise ValueError(f"{variables('local_s3')[0]} is {settings.local_s3!r}, which is no folder")
    return AsyncLocations(outputs[0] if outputs else None, parsed("async_inputs"), settings.timeout or 3600.0)
