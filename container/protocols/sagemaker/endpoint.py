"""The hosting contract: GET /ping, POST /invocations, GET /execution-parameters.

Source: docs.aws.amazon.com/sagemaker/latest/dg, your-algorithms-inference-code.html and -batch-code.html.
"""

import math
from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, request

from container.errors import NotFound
from container.protocols.openapi import operation
from container.protocols.sagemaker import streaming
from container.protocols.sagemaker.invocation import ATTRIBUTES, Defaults, invoke
from container.protocols.sagemaker.openapi import answers, error
from container.protocols.sagemaker.target import ANSWERS, described, target
from container.service import Services
from container.service.services import DEFAULT_MODEL

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
        answers() if services.multi_model is None else answers() | ANSWERS,
        **described(services),
    )
    def invocations() -> Response:
        reply = invoke(request, services, defaults, target(request, services))
        request.environ["maskserve.log"] = reply.log
        body = streaming.chunks(reply, request.environ)
        return Response(body, content_type=reply.media_type, headers={ATTRIBUTES: reply.facts, **reply.headers})

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


_EXECUTION_PARAMETERS = {
    "type": "object",
    "properties": {
        "MaxConcurrentTransforms": {"type": "integer"},
        "BatchStrategy": {"type": "string", "enum": ["SINGLE_RECORD"]},
        "MaxPayloadInMB": {"type": "integer"},
    },
}
