"""Errors of the SageMaker Runtime's routes in boto3's types, and the validation that these routes share.

Errors of the container become the typed ModelError (424), as on the platform: boto3 would send a request with a raw 5xx
response three times. Source: the sagemaker-runtime service model of botocore.
"""

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request

from container.errors import BodyTooLarge, ServingError, Unauthenticated
from container.protocols.sagemaker.invocation import ATTRIBUTES
from container.protocols.sagemaker.messages import MAX_ATTRIBUTES
from container.protocols.sagemaker.openapi import name_parameter
from container.web.protocol import error_document

NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
VARIANT = "AllTraffic"  # the name of an endpoint's only variant
TARGET_VARIANT = "X-Amzn-SageMaker-Target-Variant"
INVOKED_VARIANT = "x-Amzn-Invoked-Production-Variant"
ROUTERS = "/inference-routers"
_ROUTERS_KINDS = {"ValidationError": "ValidationException", "ServiceUnavailable": "ServiceUnavailableException"}


class Refused(ServingError):
    """A rejection that the platform makes before the container sees the request: API error type, status and message."""

    def __init__(self, message: str, kind: str = "ValidationError", status: int = 400) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


def endpoint_parameter(names: Sequence[str]) -> dict[str, Any]:
    """Return the parameter for NAME of an endpoint; `names` are the existing ones, or empty if any is accepted."""
    parameter = name_parameter("Endpoint name", NAME)
    return {**parameter, "example": names[0]} if names else parameter


def check(name: str, names: Sequence[str]) -> None:
    """Raise Refused if `name` is invalid or not among `names` (if there are any), and the errors of `check_headers`."""
    if NAME.fullmatch(name) is None or (names and name not in names):
        raise Refused(f"Endpoint {name[:63]} of account 000000000000 not found.")
    check_headers()


def check_headers() -> None:
    """Raise Refused if the custom attributes are too long, or if the variant's name is invalid."""
    invoked_variant()
    attributes = request.headers.get(ATTRIBUTES, "")
    if len(attributes) > MAX_ATTRIBUTES:
        raise Refused(f"CustomAttributes has {len(attributes)} characters; at most {MAX_ATTRIBUTES} are allowed.")


def invoked_variant() -> str:
    """Return the variant that answers: the one that the request names, else VARIANT; Refused for an invalid name."""
    named = request.headers.get(TARGET_VARIANT, VARIANT)
    if NAME.fullmatch(named) is None:
        raise Refused(f"TargetVariant is {named[:63]!r}; it takes 1 to 63 of A-Z a-z 0-9 and - inside.")
    return named


def id_header(request_id: str) -> dict[str, str]:
    """Return the header from which AWS clients read the request id."""
    return {"x-amzn-RequestId": request_id or str(uuid.uuid4())}


def typed_response(error: ServingError, request_id: str) -> Response:
    """Return the response to an error that boto3 raises as one of the API's error types."""
    if isinstance(error, Refused):
        return _typed(error.status, error.kind, {"Message": error.message}, request_id)
    if request.url_rule is None and error.status in (404, 405):
        return _typed(error.status, "UnknownOperationException", {"Message": error.message}, request_id)
    if isinstance(error, BodyTooLarge):
        status = 413 if request.path.startswith(ROUTERS) else 400
        return _typed(status, "ValidationError", {"Message": error.message}, request_id)
    if isinstance(error, Unauthenticated):
        return _typed(error.status, "AccessDeniedException", {"Message": f"{error.message}; {error.hint}"}, request_id)
    kind = "client" if error.status < 500 else "server"
    original = json.dumps(error_document(error, request_id), ensure_ascii=False)
    document = {
        "Message": f'Received {kind} error ({error.status}) from primary with message "{original}".',
        "OriginalStatusCode": error.status,
        "OriginalMessage": original,
        "LogStreamArn": "",
    }
    return _typed(424, "ModelError", document, request_id)


def _typed(status: int, kind: str, document: Mapping[str, object], request_id: str) -> Response:
    if request.path.startswith(ROUTERS):
        kind = _ROUTERS_KINDS.get(kind, kind)
    headers = {"x-amzn-ErrorType": kind, **id_header(request_id)}
    return Response(json.dumps(document), status, headers, content_type="application/json")
