"""The hosting contract: GET /ping, POST /invocations, GET /execution-parameters.

Source: docs.aws.amazon.com/sagemaker/latest/dg, your-algorithms-inference-code.html and -batch-code.html.
"""

import math
from dataclasses import dataclass

from flask import Blueprint, Request, Response, g, jsonify, request

from container.errors import NotFound
from container.models.policies import Policy
from container.protocols.sagemaker import streaming
from container.protocols.sagemaker.invocation import ATTRIBUTES, Defaults, invoke
from container.protocols.sagemaker.messages import InvocationResponse
from container.protocols.sagemaker.openapi import RELOAD_ANSWERS, TARGET_ANSWERS, answers, error, targeted_invocation
from container.service import Services
from container.web.body import read_body
from container.web.openapi import operation

TARGET_MODEL = "X-Amzn-SageMaker-Target-Model"
PAYLOAD_PRODUCT_MB = 100  # SageMaker's limit on MaxConcurrentTransforms × MaxPayloadInMB


@dataclass(frozen=True)
class BatchCapacity:
    """The parameters of the /execution-parameters response for batch transforms."""

    max_payload_mb: float  # 0: no limit
    concurrency: int  # 0: as many as keep the model busy and fit PAYLOAD_PRODUCT_MB
    workers: int = 1


def create_blueprint(services: Services, defaults: Defaults, capacity: BatchCapacity) -> Blueprint:
    """Return the blueprint of the routes of a SageMaker container."""
    blueprint = Blueprint("sagemaker", __name__)
    policy, good = services.pool.policy, answers(defaults.negotiation)

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
        good | (RELOAD_ANSWERS if policy.served else TARGET_ANSWERS),
        **targeted_invocation(services, defaults.negotiation),
    )
    def invocations() -> Response:
        return plain_response(invoke(request, services, defaults, g.context, target(request, policy)))

    @blueprint.get("/execution-parameters", strict_slashes=False)
    @operation(
        "What a batch transform may send at a time",
        {
            "200": {"description": "Limits", "content": {"application/json": {"schema": _EXECUTION_PARAMETERS}}},
            "404": error("A multi-model endpoint, which batch transforms do not use"),
            "503": error("Loading"),
            **RELOAD_ANSWERS,
        },
    )
    def execution_parameters() -> Response:
        if not policy.served:
            raise NotFound("batch transforms do not use multi-model endpoints")
        with services.pool.lease(policy.served) as model:
            # One batch per worker, plus one request that is decoded meanwhile: at 12 megapixels on two cores, one
            # concurrent request gave 0.9 images per second, two gave 1.5, four no more.
            useful = capacity.workers * (model.dispatcher.batch_size + 1)
        payload = math.ceil(capacity.max_payload_mb)
        fitting = PAYLOAD_PRODUCT_MB // max(1, payload)
        return jsonify(
            MaxConcurrentTransforms=capacity.concurrency or max(1, min(useful, fitting)),
            BatchStrategy="SINGLE_RECORD",
            MaxPayloadInMB=payload,
        )

    return blueprint


def plain_response(response: InvocationResponse) -> Response:
    """Return the HTTP response of an invocation on the container's own routes, in chunks if it is streamed."""
    body = response.body
    if not isinstance(body, bytes):
        body = streaming.chunks(body, g.context, request.environ)
    headers = {ATTRIBUTES: response.facts, **response.headers}
    return Response(body, content_type=response.media_type, headers=headers)


def target(request: Request, policy: Policy) -> str:
    """Return the key of the one model, or on a multi-model endpoint of that in X-Amzn-SageMaker-Target-Model.

    The model is loaded if necessary. Without the header, it is the only loaded model. On SageMaker, the platform reads
    the header and calls POST /models of the container. Here, and for the SageMaker SDK's local mode, the container does
    the platform's part. Raises BadLocation, BadModel, InsufficientMemory; ModelNotFound without the header, if not
    exactly one model is loaded; errors of read_body.
    """
    if policy.served:
        return policy.served
    named = request.headers.get(TARGET_MODEL)
    if named is not None:
        read_body(request, keep=True)  # before loading, which may take longer than the time limit for sending a body
    return policy.key(named)


_EXECUTION_PARAMETERS = {
    "type": "object",
    "properties": {
        "MaxConcurrentTransforms": {"type": "integer"},
        "BatchStrategy": {"type": "string", "enum": ["SINGLE_RECORD"]},
        "MaxPayloadInMB": {"type": "integer"},
    },
}
