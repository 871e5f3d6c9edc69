"""The Roboflow protocol class: its paths, its open routes and the shape of its errors."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from container.errors import DeadlineExceeded, PayloadTooLarge, ServingError, Unauthenticated
from container.protocols.roboflow import openapi, registry, responses, sam, sam2, unavailable, v0, v1
from container.protocols.roboflow import server as about
from container.protocols.roboflow.fields import WrongType
from container.service import Services
from container.settings import Settings, variables
from container.web.body import BodyLimits
from container.web.protocol import Protocol

_BODIES = 2  # times SAGEMAKER_MAX_PAYLOAD_IN_MB that a JSON body may have: base64 is 4/3 of a file, and there are lists
_UNLOADS = ("/model/remove", "/model/clear", "/clear_cache")


class Roboflow(Protocol):
    """Models by id: v1 below /infer, v0 on /PROJECT/VERSION, and the registry of loaded models below /model."""

    name = "roboflow"
    prefixes = (
        *("/", "/info", "/healthz", "/readiness", "/model", "/start", "/clear_cache", "/infer"),
        *("/sam", "/sam2"),
        *unavailable.PREFIXES,
        "/<project>/<version>",
    )
    health_routes = ("/healthz", "/readiness")
    # Clients ask for both without a key: 0.22 before every picture.
    open_routes = ("/", "/info", "/model/registry")
    key_field = "api_key"
    exposed_headers = (responses.MODEL_ID, responses.COLD_START, responses.LOAD_TIME, responses.PROCESSING_TIME)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._uuid = str(uuid.uuid4())
        largest = _BODIES * settings.max_body_bytes if settings.max_body_bytes else None
        self.body_limits = {
            path: BodyLimits(
                largest,
                settings.read_seconds,
                setting=f"{variables('max_payload_mb')[0]}, of which a body has {_BODIES} times as much",
            )
            for path in ("/infer", "/sam", "/sam2", "/<project>/<version>")
        }

    def blueprints(self, services: Services) -> Iterable[Blueprint]:
        """Return the blueprint of all routes."""
        blueprint = Blueprint(self.name, __name__)
        about.add_routes(blueprint, services, self._uuid)
        registry.add_routes(blueprint, services)
        v1.add_routes(blueprint, services)
        sam.add_routes(blueprint, services)
        sam2.add_routes(blueprint, services)
        unavailable.add_routes(blueprint)
        v0.add_routes(blueprint, services)
        blueprint.after_request(responses.finish)
        yield blueprint

    def error_document(self, error: ServingError, request_id: str) -> Mapping[str, Any]:
        """Return {"message": …, "code": …, "request_id": …}, and `detail` for a request that is not valid."""
        message = f"{error.message}; {error.hint}" if error.hint else error.message
        document: dict[str, Any] = {"message": message, "code": error.code, "request_id": request_id}
        if error.status == 422:
            plain = [{"loc": ["body"], "msg": error.message, "type": error.code}]
            document["detail"] = error.detail if isinstance(error, WrongType) else plain
        return document

    def error_response(self, error: ServingError, request_id: str) -> Response:
        """Return the response; what takes too long is no 504 unless it waited for others: clients send 504 again."""
        if isinstance(error, DeadlineExceeded) and not error.waited:
            error = PayloadTooLarge(error.message, hint="send fewer or smaller pictures, or ask for less")
        if isinstance(error, Unauthenticated) and request.path in _UNLOADS:
            error.hint += '; inference_sdk sends it here with api_key_transport="header"'
        return super().error_response(error, request_id)

    def components(self) -> Mapping[str, Any]:
        """Return the schemas that its operations refer to."""
        return openapi.COMPONENTS
