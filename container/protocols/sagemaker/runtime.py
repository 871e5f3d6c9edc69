"""SageMaker Runtime itself: POST /endpoints/NAME/invocations and …-response-stream, as boto3 and the AWS CLI call them.

With AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME set to this server, unmodified client code works.
Source: the InvokeEndpoint and InvokeEndpointWithResponseStream API references.
"""

from collections.abc import Sequence

from flask import Blueprint, Response, request

from container.protocols.openapi import operation
from container.protocols.sagemaker import event_stream, native, sessions, streaming
from container.protocols.sagemaker.exchange import Reply
from container.protocols.sagemaker.invocation import ATTRIBUTES, Defaults, invoke
from container.protocols.sagemaker.native import NAME_PARAMETER, VARIANT
from container.protocols.sagemaker.openapi import NATIVE_ANSWERS, STREAM_ANSWERS, invocation
from container.service import Services


def create_blueprint(services: Services, defaults: Defaults, names: Sequence[str]) -> Blueprint:
    """The runtime's routes; `names` are the endpoints that exist, or none for any."""
    blueprint = native.create_blueprint("sagemaker_runtime")
    takes = invocation(urls=bool(services.limits.url_hosts))
    takes["parameters"] = [NAME_PARAMETER, *takes["parameters"]]

    @blueprint.post("/endpoints/<path:name>/invocations")
    @operation("InvokeEndpoint of the SageMaker Runtime, for boto3 and the AWS CLI", NATIVE_ANSWERS, **takes)
    def invoke_endpoint(name: str) -> Response:
        native.check(name, names)
        reply = invoke(request, services, defaults)
        body = reply.whole()
        request.environ["maskserve.log"] = reply.log
        return Response(body, content_type=reply.media_type, headers=_headers(reply))

    @blueprint.post("/endpoints/<path:name>/invocations-response-stream")
    @operation("InvokeEndpointWithResponseStream of the SageMaker Runtime, for boto3", STREAM_ANSWERS, **takes)
    def invoke_endpoint_with_response_stream(name: str) -> Response:
        native.check(name, names)
        if request.headers.get(sessions.HEADER) == sessions.NEW:
            raise native.Refused("SessionId is NEW_SESSION; a session is created by InvokeEndpoint, not by a stream.")
        reply = invoke(request, services, defaults)
        request.environ["maskserve.log"] = reply.log
        headers = {"X-Amzn-SageMaker-Content-Type": reply.media_type, **_headers(reply)}
        frames = streaming.events(reply, request.environ)
        return Response(frames, content_type=event_stream.MEDIA_TYPE, headers=headers)

    return blueprint


def _headers(reply: Reply) -> dict[str, str]:
    return {
        ATTRIBUTES: reply.facts,
        "x-Amzn-Invoked-Production-Variant": VARIANT,
        **reply.headers,
        **native.request_id(),
    }
