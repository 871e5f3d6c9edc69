"""SageMaker Runtime itself: POST /endpoints/NAME/invocations, as boto3 and the AWS CLI call it.

With AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME set to this server, unmodified client code works. Errors of the container come
back as the typed ModelError (424) that the platform makes of them: boto3 sends what got a raw 5xx three times.
Source: the InvokeEndpoint API reference, and the sagemaker-runtime service model of botocore.
"""

import json
import re
import uuid
from collections.abc import Sequence

from flask import Blueprint, Response, request

from container.errors import BadLocation, BodyTooLarge, ServingError, Unauthenticated
from container.protocols import errors
from container.protocols.openapi import operation
from container.protocols.sagemaker.invocation import ATTRIBUTES, MAX_ATTRIBUTES, Defaults, invoke
from container.protocols.sagemaker.openapi import NATIVE_ANSWERS
from container.protocols.sagemaker.target import TARGET_MODEL, described, target
from container.service import Services

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
VARIANT = "AllTraffic"
_TARGET_MISSING = "TargetModel is missing: this is a multi-model endpoint."
_TARGET_NOT_TAKEN = "TargetModel is for multi-model endpoints only, and this endpoint has one model."
_NAME_PARAMETER = {
    "in": "path",
    "name": "name",
    "description": "Endpoint name",
    "required": True,
    "schema": {"type": "string", "pattern": f"^{NAME.pattern}$"},
}


def create_blueprint(services: Services, defaults: Defaults, names: Sequence[str]) -> Blueprint:
    """The runtime's routes; `names` are the endpoints that exist, or none for any."""
    blueprint = Blueprint("sagemaker_runtime", __name__)
    blueprint.register_error_handler(Unauthenticated, _access_denied)
    takes = described(services)

    @blueprint.post("/endpoints/<path:name>/invocations")
    @operation(
        "InvokeEndpoint of the SageMaker Runtime, for boto3 and the AWS CLI",
        NATIVE_ANSWERS,
        **{**takes, "parameters": [_NAME_PARAMETER, *takes["parameters"]]},
    )
    def invoke_endpoint(name: str) -> Response:
        if NAME.fullmatch(name) is None or (names and name not in names):
            return _validation_error(f"Endpoint {name[:63]} of account 000000000000 not found.")
        attributes = request.headers.get(ATTRIBUTES, "")
        if len(attributes) > MAX_ATTRIBUTES:
            return _validation_error(
                f"CustomAttributes has {len(attributes)} characters; at most {MAX_ATTRIBUTES} are allowed."
            )
        if (TARGET_MODEL in request.headers) != (services.multi_model is not None):
            return _validation_error(_TARGET_MISSING if services.multi_model is not None else _TARGET_NOT_TAKEN)
        try:
            reply = invoke(request, services, defaults, target(request, services))
        except BadLocation as error:
            return _validation_error(error.message)
        except BodyTooLarge as error:
            return _validation_error(error.message)  # the platform refuses it before the container sees it
        except Exception as error:  # every failure of the container is a ModelError to this route's clients
            return _model_error(errors.translate(error))
        request.environ["maskserve.log"] = reply.log
        headers = {ATTRIBUTES: reply.facts, "x-Amzn-Invoked-Production-Variant": VARIANT, **_request_id()}
        return Response(reply.body, content_type=reply.media_type, headers=headers)

    return blueprint


def _model_error(error: ServingError) -> Response:
    kind = "client" if error.status < 500 else "server"
    original = json.dumps(errors.document(error), ensure_ascii=False)
    return _typed(
        424,
        "ModelError",
        {
            "Message": f'Received {kind} error ({error.status}) from primary with message "{original}".',
            "OriginalStatusCode": error.status,
            "OriginalMessage": original,
            "LogStreamArn": "",
        },
    )


def _validation_error(message: str) -> Response:
    return _typed(400, "ValidationError", {"Message": message})


def _access_denied(error: Unauthenticated) -> Response:
    return _typed(error.status, "AccessDeniedException", {"Message": f"{error.message}; {error.hint}"})


def _typed(status: int, kind: str, document: dict[str, object]) -> Response:
    return Response(
        json.dumps(document), status, {"x-amzn-ErrorType": kind, **_request_id()}, content_type="application/json"
    )


def _request_id() -> dict[str, str]:
    return {"x-amzn-RequestId": request.environ.get("maskserve.request_id") or str(uuid.uuid4())}
