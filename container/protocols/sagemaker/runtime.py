"""Routes of the SageMaker Runtime API: POST /endpoints/NAME/invocations and …-response-stream, for boto3 and AWS CLI.

With AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME set to this server, unmodified client code works.
Source: the InvokeEndpoint and InvokeEndpointWithResponseStream API references.
"""

from collections.abc import Sequence

from flask import Blueprint, Response, g, request

from container.errors import BadLocation
from container.models.policies import Policy
from container.protocols.sagemaker import event_stream, runtime_errors, sessions, streaming
from container.protocols.sagemaker.endpoint import TARGET_MODEL, target
from container.protocols.sagemaker.invocation import ATTRIBUTES, Defaults, invoke
from container.protocols.sagemaker.messages import InvocationResponse
from container.protocols.sagemaker.openapi import runtime_answers, stream_answers, targeted_invocation
from container.protocols.sagemaker.runtime_errors import INVOKED_VARIANT, Refused, endpoint_parameter
from container.service import Services
from container.web.openapi import operation

BLUEPRINT = "sagemaker_runtime"
_TARGET_MISSING = "TargetModel is missing: this is a multi-model endpoint."
_TARGET_NOT_TAKEN = "TargetModel is for multi-model endpoints only, and this endpoint has one model."


def create_blueprint(services: Services, defaults: Defaults, names: Sequence[str]) -> Blueprint:
    """Return the blueprint of the runtime's routes; `names` are the existing endpoints, or empty to accept any name."""
    blueprint = Blueprint(BLUEPRINT, __name__)
    policy = services.pool.policy
    takes = targeted_invocation(services, defaults.negotiation)
    good, in_frames = runtime_answers(defaults.negotiation), stream_answers(defaults.negotiation)
    takes["parameters"] = [endpoint_parameter(names), *takes["parameters"]]

    @blueprint.post("/endpoints/<path:name>/invocations")
    @operation(
        "InvokeEndpoint of the SageMaker Runtime, for boto3 and the AWS CLI",
        good,
        **takes,
    )
    def invoke_endpoint(name: str) -> Response:
        runtime_errors.check(name, names)
        response = invoke(request, services, defaults, g.context, target_model(policy))
        return Response(response.whole(), content_type=response.media_type, headers=headers(response))

    @blueprint.post("/endpoints/<path:name>/invocations-response-stream")
    @operation(
        "InvokeEndpointWithResponseStream of the SageMaker Runtime, for boto3",
        in_frames,
        **takes,
    )
    def invoke_endpoint_with_response_stream(name: str) -> Response:
        runtime_errors.check(name, names)
        if request.headers.get(sessions.HEADER) == sessions.NEW:
            raise Refused("SessionId is NEW_SESSION; a session is created by InvokeEndpoint, not by a stream.")
        response = invoke(request, services, defaults, g.context, target_model(policy))
        streamed = {"X-Amzn-SageMaker-Content-Type": response.media_type, **headers(response)}
        frames = streaming.events(response.body, g.context)
        return Response(frames, content_type=event_stream.MEDIA_TYPE, headers=streamed)

    return blueprint


def target_model(policy: Policy) -> str:
    """Return the key of the model that TargetModel names; Refused if it is missing, unexpected or an invalid path."""
    several = not policy.served
    if (TARGET_MODEL in request.headers) != several:
        raise Refused(_TARGET_MISSING if several else _TARGET_NOT_TAKEN)
    try:
        return target(request, policy)
    except BadLocation as error:
        raise Refused(error.message) from None


def headers(response: InvocationResponse) -> dict[str, str]:
    """Return the headers of a good response."""
    return {
        ATTRIBUTES: response.facts,
        INVOKED_VARIANT: runtime_errors.invoked_variant(),
        **response.headers,
        **runtime_errors.id_header(g.context.id),
    }
