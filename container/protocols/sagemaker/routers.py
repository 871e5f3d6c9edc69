"""Routes of the Inference Router Runtime API: POST /inference-routers/NAME/invocations and …/async-invocations.

A router sends a request to one of several endpoints; here there is one, and the router is its other name.
Source: the sagemaker-inference-router-runtime service model of botocore, 2026-01-01.
"""

from flask import Blueprint, Response, g, request

from container.protocols.sagemaker import runtime_errors
from container.protocols.sagemaker.async_invocation import AsyncLocations, accept
from container.protocols.sagemaker.async_queue import AsyncQueue
from container.protocols.sagemaker.invocation import Defaults, invoke
from container.protocols.sagemaker.openapi import (
    ASYNC_ANSWERS,
    EXAMPLE_NAME,
    async_invocation,
    name_parameter,
    runtime_answers,
    targeted_invocation,
)
from container.protocols.sagemaker.runtime import headers, target_model
from container.protocols.sagemaker.runtime_errors import NAME, Refused
from container.service import Services
from container.web.openapi import operation

BLUEPRINT = "sagemaker_routers"
TARGET = "X-Amzn-SageMaker-Routing-Target-Name"
MAX_FILENAME = 64  # characters; InvokeEndpointAsync takes 32
_PREFIX = "X-Amzn-SageMaker-Invoked-"
_PARAMETERS = [
    name_parameter("Router name", NAME),
    {
        "in": "header",
        "name": TARGET,
        "required": True,
        "schema": {"type": "string", "pattern": f"^{NAME.pattern}$"},
        "example": EXAMPLE_NAME,
    },
]


def create_blueprint(
    services: Services, defaults: Defaults, locations: AsyncLocations, queue: AsyncQueue | None
) -> Blueprint:
    """Return the blueprint of the routers' routes, which take any name."""
    blueprint = Blueprint(BLUEPRINT, __name__)
    takes = targeted_invocation(services, defaults.negotiation)
    later = async_invocation(defaults.negotiation)

    @blueprint.post("/inference-routers/<path:name>/invocations")
    @operation(
        "InvokeInferenceRouter of the SageMaker Inference Router Runtime, for boto3",
        {**runtime_answers(defaults.negotiation), "413": runtime_answers(defaults.negotiation)["400"]},
        **{**takes, "parameters": [*_PARAMETERS, *takes["parameters"]]},
    )
    def invoke_inference_router(name: str) -> Response:
        _check(name)
        response = invoke(request, services, defaults, g.context, target_model(services.pool.policy))
        chosen = {
            _PREFIX + "Routed-Resource-Arn": f"arn:aws:sagemaker:us-east-1:000000000000:endpoint/{name}",
            _PREFIX + "Routing-Reason": "local-preferred",
        }
        return Response(response.whole(), content_type=response.media_type, headers={**headers(response), **chosen})

    @blueprint.post("/inference-routers/<path:name>/async-invocations")
    @operation(
        "InvokeInferenceRouterAsync of the SageMaker Inference Router Runtime, for boto3",
        ASYNC_ANSWERS,
        **{**later, "parameters": [*_PARAMETERS, *later["parameters"]]},
    )
    def invoke_inference_router_async(name: str) -> Response:
        _check(name)
        return accept(services, defaults, locations, queue, MAX_FILENAME)

    return blueprint


def _check(name: str) -> None:
    """Raise Refused if the router's or the target's name is invalid or missing, and the errors of `check_headers`."""
    if NAME.fullmatch(name) is None:
        raise Refused(f"Inference router {name[:63]} of account 000000000000 not found.")
    target = request.headers.get(TARGET, "")
    if NAME.fullmatch(target) is None:
        raise Refused(f"RoutingTargetName is {target[:63]!r}; it takes 1 to 63 of A-Z a-z 0-9 and - inside.")
    runtime_errors.check_headers()
