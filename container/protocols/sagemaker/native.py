"""What the routes of SageMaker Runtime share: names of endpoints, headers, and errors as boto3 knows them.

Errors of the container become the typed ModelError (424) that the platform makes of them: boto3 sends what got a raw
5xx three times. Source: the sagemaker-runtime service model of botocore.
"""

import json
import re
import uuid
from collections.abc import Mapping, Sequence

from flask import Blueprint, Response, request

from container.errors import BodyTooLarge, ServingError, Unauthenticated
from container.protocols import errors
from container.protocols.sagemaker.invocation import ATTRIBUTES, MAX_ATTRIBUTES
from container.protocols.sagemaker.openapi import name_parameter

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
VARIANT = "AllTraffic"
NAME_PARAMETER = name_parameter("Endpoint name", NAME)


class Refused(Exception):
    """What the platform would refuse before the container sees it: an error type of the API, its status, a message."""

    def __init__(self, message: str, kind: str = "ValidationError", status: int = 400) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


def create_blueprint(name: str) -> Blueprint:
    """A blueprint whose errors are of the API's types."""
    blueprint = Blueprint(name, __name__)
    blueprint.register_error_handler(Unauthenticated, _access_denied)
    blueprint.register_error_handler(Refused, lambda e: typed(e.status, e.kind, {"Message": str(e)}))
    blueprint.register_error_handler(BodyTooLarge, lambda e: typed(400, "ValidationError", {"Message": e.message}))
    blueprint.register_error_handler(Exception, lambda e: _model_error(errors.translate(e, request.environ)))
    return blueprint


def check(name: str, names: Sequence[str]) -> None:
    """Refused where no endpoint has the `name`, of `names` if there are any, or where the attributes are too long."""
    if NAME.fullmatch(name) is None or (names and name not in names):
        raise Refused(f"Endpoint {name[:63]} of account 000000000000 not found.")
    attributes = request.headers.get(ATTRIBUTES, "")
    if len(attributes) > MAX_ATTRIBUTES:
        raise Refused(f"CustomAttributes has {len(attributes)} characters; at most {MAX_ATTRIBUTES} are allowed.")


def request_id() -> dict[str, str]:
    """The header in which AWS's clients look for the request's id."""
    return {"x-amzn-RequestId": errors.request_id() or str(uuid.uuid4())}


def typed(status: int, kind: str, document: Mapping[str, object]) -> Response:
    """An error that boto3 raises as `kind`."""
    headers = {"x-amzn-ErrorType": kind, **request_id()}
    return Response(json.dumps(document), status, headers, content_type="application/json")


def _model_error(error: ServingError) -> Response:
    kind = "client" if error.status < 500 else "server"
    original = json.dumps(errors.document(error, errors.request_id()), ensure_ascii=False)
    return typed(
        424,
        "ModelError",
        {
            "Message": f'Received {kind} error ({error.status}) from primary with message "{original}".',
            "OriginalStatusCode": error.status,
            "OriginalMessage": original,
            "LogStreamArn": "",
        },
    )


def _access_denied(error: Unauthenticated) -> Response:
    return typed(error.status, "AccessDeniedException", {"Message": f"{error.message}; {error.hint}"})
