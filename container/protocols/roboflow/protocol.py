"""The Roboflow protocol class: its paths, its open routes and the shape of its errors."""

import re
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, request

from container.errors import DeadlineExceeded, PayloadTooLarge, ServingError, Unauthenticated
from container.protocols.roboflow import (
    clip,
    gaze,
    lmm,
    ocr,
    openapi,
    registry,
    responses,
    sam,
    sam2,
    unavailable,
    v0,
    v1,
    workflows,
)
from container.protocols.roboflow import server as about
from container.protocols.roboflow.fields import WrongType
from container.service import Services
from container.settings import Settings, variables
from container.web.body import BodyLimits
from container.web.protocol import Protocol, Section
from container.workflows.errors import Fault, WorkflowError
from container.workflows.named import Library

_BODIES = 2  # times SAGEMAKER_MAX_PAYLOAD_IN_MB that a JSON body may have: base64 is 4/3 of a file, and there are lists
_WORKFLOWS = re.compile(r"(/infer)?/workflows(/|\Z)|/[^/]+/workflows/")  # beginnings of their paths
_UNLOADS = ("/model/remove", "/model/clear", "/clear_cache")


class Roboflow(Protocol):
    """Models by id: v1 below /infer, v0 on /PROJECT/VERSION, the registry of loaded models below /model; workflows."""

    name = "roboflow"
    prefixes = (
        *("/info", "/healthz", "/readiness", "/model", "/start", "/clear_cache", "/infer"),
        *("/sam", "/sam2", "/clip", "/workflows", "/llm"),
        *gaze.PREFIXES,
        *ocr.PREFIXES,
        *unavailable.PREFIXES,
        "/<project>/<version>",
    )
    health_routes = ("/healthz", "/readiness")
    # Clients ask for both without a key: 0.22 before every picture.
    open_routes = ("/info", "/model/registry")
    key_field = "api_key"
    sections = (
        Section(
            "Roboflow",
            "Models by id, for inference_sdk unchanged",
            ("/infer/instance_segmentation", "/infer/object_detection", "/infer", "/{project}/{version}"),
            40,
        ),
        Section(
            "Roboflow: models",
            "Those that are loaded, by id",
            ("/model/registry", "/model", "/start", "/clear_cache", "/info", "/healthz", "/readiness"),
            41,
        ),
        Section(
            "Workflows",
            "Steps that a specification joins, in one request",
            ("/workflows/run", "/{workspace}/workflows", "/workflows/validate", "/workflows", "/infer/workflows"),
            50,
        ),
        Section("Segment Anything", "Masks by points and boxes", ("/sam2", "/sam"), 60),
        Section(
            "Text, gaze, CLIP and language models",
            "Models beside segmentation, where they are installed",
            ("/doctr", "/easy_ocr", "/ocr", "/gaze", "/clip", "/infer/lmm", "/llm"),
            61,
        ),
    )
    exposed_headers = (responses.MODEL_ID, responses.COLD_START, responses.LOAD_TIME, responses.PROCESSING_TIME)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._uuid = str(uuid.uuid4())
        self._workflows = Library(Path(settings.workflows) if settings.workflows else None)
        try:
            self._workflows.check()
        except ValueError as error:
            raise ValueError(f"{variables('workflows')[0]} is {error}") from None
        largest = _BODIES * settings.max_body_bytes if settings.max_body_bytes else None
        self.body_limits = {
            path: BodyLimits(
                largest,
                settings.read_seconds,
                setting=f"{variables('max_payload_mb')[0]}, of which a body has {_BODIES} times as much",
            )
            for path in (
                *("/infer", "/sam", "/sam2", "/clip", "/workflows", "/llm", "/<project>/<version>"),
                *gaze.PREFIXES,
                *ocr.PREFIXES,
            )
        }

    def blueprints(self, services: Services) -> Iterable[Blueprint]:
        """Return the blueprint of all routes."""
        blueprint = Blueprint(self.name, __name__)
        about.add_routes(blueprint, services, self._uuid)
        registry.add_routes(blueprint, services)
        v1.add_routes(blueprint, services)
        sam.add_routes(blueprint, services)
        sam2.add_routes(blueprint, services)
        clip.add_routes(blueprint, services)
        gaze.add_routes(blueprint, services)
        ocr.add_routes(blueprint, services)
        lmm.add_routes(blueprint, services, self.settings.lmm)
        workflows.add_routes(blueprint, services, self._workflows, self.settings.workflows_profiling)
        unavailable.add_routes(blueprint)
        v0.add_routes(blueprint, services)
        blueprint.after_request(responses.finish)
        yield blueprint

    def error_document(self, error: ServingError, request_id: str) -> Mapping[str, Any]:
        """Return {"message": …, "code": …, "request_id": …}, and `detail` for a request that is not valid.

        An error of a workflow has its type, its context and the steps that it is of; what is not known is left out.
        """
        message = f"{error.message}; {error.hint}" if error.hint else error.message
        document: dict[str, Any] = {"message": message, "code": error.code, "request_id": request_id}
        if error.status == 422:
            plain = [{"loc": ["body"], "msg": error.message, "type": error.code}]
            document["detail"] = error.detail if isinstance(error, WrongType) else plain
        if isinstance(error, WorkflowError):
            document |= {"error_type": error.type, "context": error.context}
            if error.faults:
                document["blocks_errors"] = [_block_error(fault) for fault in error.faults]
        return document

    def error_response(self, error: ServingError, request_id: str) -> Response:
        """Return the response; what takes too long is no 504 unless it waited for others: clients send 504 again.

        Those of workflows are: a step may be slow for many reasons.
        """
        workflow = _WORKFLOWS.match(request.path) is not None
        if isinstance(error, DeadlineExceeded) and not error.waited and not workflow:
            error = PayloadTooLarge(error.message, hint="send fewer or smaller pictures, or ask for less")
        if isinstance(error, Unauthenticated) and request.path in _UNLOADS:
            error.hint += '; inference_sdk sends it here with api_key_transport="header"'
        return super().error_response(error, request_id)

    def facts(self, services: Services) -> Mapping[str, Any]:
        """Return that workflows run, and which versions of Segment Anything there are, as ROUTE/VERSION."""
        policy = services.pool.policy
        families = (sam.SAM.name, sam2.SAM2.name)
        versions = [f"{task}/{version}" for task in families for version in policy.versions(task)]
        return {"roboflow": True, "workflows": True, "sam": versions}

    def components(self) -> Mapping[str, Any]:
        """Return the schemas that its operations refer to."""
        return openapi.COMPONENTS


def _block_error(fault: Fault) -> dict[str, str]:
    """Return an entry of `blocks_errors`, without what is not known."""
    details = {"property_details": fault.details} if fault.field else {"block_details": fault.details}
    named = {"block_id": fault.block, "block_type": fault.type, "property_name": fault.field, **details}
    return {name: value for name, value in named.items() if value}
