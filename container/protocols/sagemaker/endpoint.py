"""The hosting contract: GET /ping, POST /invocations, GET /execution-parameters.

Source: docs.aws.amazon.com/sagemaker/latest/dg, your-algorithms-inference-code.html and -batch-code.html.
"""

import math
from dataclasses import dataclass

from flask import Blueprint, Request, Response, g, jsonify, request

from container.errors import NotFound
from container.protocols.sagemaker import streaming
from container.protocols.sagemaker.invocation import ATTRIBUTES, Defaults, invoke
from container.protocols.sagemaker.openapi import TARGET_ANSWERS, answers, error, targeted_invocation
from container.service import Services
from container.service.services import DEFAULT_MODEL
from container.web.body import read_body
from container.web.openapi import operation

TARGET_MODEL = "X-Amzn-SageMaker-Target-Model"
PAYLOAD_PRODUCT_MB = 100  # SageMaker's rule: MaxConcurrentTransforms × MaxPayloadInMB may not pass it


@dataclass(frozen=True)
class BatchCapacity:
    """What /execution-parameters tells a batch transform."""

    max_payload_mb: float  # 0: no limit
    concurrency: int  # 0: as many as keep the model at work, and fit
    workers: int = 1


def create_blueprint(services: Services, defaults: Defaults, capacity: BatchCapacity) -> Blueprint:
    """The routes of a SageMaker container."""
    blueprint = Blueprint("sagemaker", __name__)

    @blueprint.get("/ping", strict_slashes=False)
    @operation(
        "Health: 200 when requests may be sent",
        {"200": {"description": "Ready"}, "503": error("Loading, failed to load, or shutting down")},
    )
    def ping() -> Response | tuple[Response, int]:
        healthy, reason = services.health()
        if healthy:
            return Response()
        return jsonify(error={"code": "not_ready", "message": reason}), 503

    @blueprint.post("/invocations", strict_slashes=False)
    @operation(
        "A picture in; labels and boxes, or the picture with its masks, out",
        answers() if services.multi_model is None else answers() | TARGET_ANSWERS,
        **targeted_invocation(services),
    )
    def invocations() -> Response:
        response = invoke(request, services, defaults, g.context, target(request, services))
        body = response.body
        if not isinstance(body, bytes):
            body = streaming.chunks(body, g.context, request.environ)
        headers = {ATTRIBUTES: response.facts, **response.headers}
        return Response(body, content_type=response.media_type, headers=headers)

    @blueprint.get("/execution-parameters", strict_slashes=False)
    @operation(
        "What a batch transform may send at a time",
        {
            "200": {"description": "Limits", "content": {"application/json": {"schema": _EXECUTION_PARAMETERS}}},
            "404": error("A multi-model endpoint, which batch transforms do not use"),
            "503": error("Loading"),
        },
    )
    def execution_parameters() -> Response:
        if services.multi_model is not None:
            raise NotFound("batch transforms do not use multi-model endpoints")
        with services.repository.lease(DEFAULT_MODEL) as model:
            # What each worker predicts at once, and one more, to be decoded meanwhile: at 12 megapixels on two cores
            # one request at a time gave 0.9 pictures a second, two 1.5, four no more.
            useful = capacity.workers * (model.dispatcher.batch_size + 1)
        payload = math.ceil(capacity.max_payload_mb)
        fitting = PAYLOAD_PRODUCT_MB // max(1, payload)
        return jsonify(
            MaxConcurrentTransforms=capacity.concurrency or max(1, min(useful, fitting)),
            BatchStrategy="SINGLE_RECORD",
            MaxPayloadInMB=payload,
        )

    return blueprint


def target(request: Request, services: Services) -> str:
    """The model that X-Amzn-SageMaker-Target-Model names, loaded if it was not; without it the only one that is loaded.

    On SageMaker the platform reads the header, and asks the container by POST /models. Here, and for the SageMaker
    SDK's local mode, the container does what the platform would. BadLocation, BadModel, InsufficientMemory;
    ModelNotFound without the header; errors of read_body.
    """
    if services.multi_model is None:
        return DEFAULT_MODEL
    if TARGET_MODEL not in request.headers:
        return services.multi_model.only()
    read_body(request, keep=True)  # before the load, which may take longer than clients have for sending
    return services.multi_model.ensure(request.headers[TARGET_MODEL])


_EXECUTION_PARAMETERS = {
    "type": "object",
    "properties": {
        "MaxConcurrentTransforms": {"type": "integer"},
        "BatchStrategy": {"type": "string", "enum": ["SINGLE_RECORD"]},
        "MaxPayloadInMB": {"type": "integer"},
    },
}
