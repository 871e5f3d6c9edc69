"""SageMaker Runtime itself: POST /endpoints/NAME/invocations and …-response-stream, as boto3 and the AWS CLI call them.

With AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME set to this server, unmodified client code works.
Source: the InvokeEndpoint and InvokeEndpointWithResponseStream API references.
"""

from collections.abc import Sequence

from flask import Blueprint, Response, request

from container.errors import BadLocation
from container.protocols.openapi import operation
from container.protocols.sagemaker import event_stream, native, sessions, streaming
from container.protocols.sagemaker.exchange import Reply
from container.protocols.sagemaker.invocation import ATTRIBUTES, Defaults, invoke
from container.protocols.sagemaker.native import NAME_PARAMETER, VARIANT
from container.protocols.sagemaker.openapi import NATIVE_ANSWERS, STREAM_ANSWERS
from container.protocols.sagemaker.target import TARGET_MODEL, described, target
from container.service import Services

_TARGET_MISSING = "TargetModel is missing: this is a multi-model endpoint."
_TARGET_NOT_TAKEN = "TargetModel is for multi-model endpoints only, and this endpoint has one model."


def create_blueprint(services: Services, defaults: Defaults, names: Sequence[str]) -> Blueprint:
    """The runtime's routes; `names` are the endpoints that exist, or none for any."""
    blueprint = native.create_blueprint("sagemaker_runtime")
    takes = described(services)
    takes["parameters"] = [NAME_PARAMETER, *takes["parameters"]]

    @blueprint.post("/endpoints/<path:name>/invocations")
    @operation("InvokeEndpoint of the SageMaker Runtime, for boto3 and the AWS CLI", NATIVE_ANSWERS, **takes)
    def invoke_endpoint(name: str) -> Response:
        native.check(name, names)
        reply = invoke(request, services, defaults, _model(services))
        body = reply.whole()
        request.environ["maskserve.log"] = reply.log
        return Response(body, content_type=reply.media_type, headers=_headers(reply))

    @blueprint.post("/endpoints/<path:name>/invocations-response-stream")
    @operation("InvokeEndpointWithResponseStream of the SageMaker Runtime, for boto3", STREAM_ANSWERS, **takes)
    def invoke_endpoint_with_response_stream(name: str) -> Response:
        native.check(name, names)
        if request.headers.get(sessions.HEADER) == sessions.NEW:
            raise native.Refused("SessionId is NEW_SESSION; a session is created by InvokeEndpoint, not by a stream.")
        reply = invoke(request, services, defaults, _model(services))
        request.environ["maskserve.log"] = reply.log
        headers = {"X-Amzn-SageMaker-Content-Type": reply.media_type, **_headers(reply)}
        frames = streaming.events(reply, request.environ)
        return Response(frames, content_type=event_stream.MEDIA_TYPE, headers=headers)

    return blueprint


def _model(services: Services) -> str:
    """The model that TargetModel names; Refused where there is one and may not be, or none and must."""
    several = services.multi_model is not None
    if (TARGET_MODEL in request.headers) != several:
        raise native.Refused(_TARGET_MISSING if several else _TARGET_NOT_TAKEN)
    try:
        return target(request, services)
    except BadLocation as error:
        raise native.Refused(error.message) from None


def _headers(reply: Reply) -> dict[str, str]:
    return {
        ATTRIBUTES: reply.facts,
        "x-Amzn-Invoked-Production-Variant": VARIANT,
        **reply.headers,
        **native.request_id(),
    }
