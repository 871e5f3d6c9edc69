"""X-Amzn-SageMaker-Target-Model: which model of a multi-model endpoint a request is for.

On SageMaker the platform reads it, and asks the container by POST /models. Here, and for the SageMaker SDK's local
mode, the container does what the platform would.
"""

from typing import Any

from flask import Request

from container.protocols.sagemaker.invocation import read_body
from container.protocols.sagemaker.openapi import error, invocation
from container.service import Services
from container.service.services import DEFAULT_MODEL

TARGET_MODEL = "X-Amzn-SageMaker-Target-Model"
_PARAMETER = {
    "in": "header",
    "name": TARGET_MODEL,
    "description": "The path of an artifact below /opt/ml/models, which is loaded if it was not",
    "schema": {"type": "string"},
}
ANSWERS = {
    "404": error("The request names no model, and not just one is loaded"),
    "507": error("There is no memory for the model, unless others are unloaded"),
}


def target(request: Request, services: Services) -> str:
    """The name of the model that is to answer, loaded if it was not; without the header, the only one that is loaded.

    BadLocation, BadModel, InsufficientMemory; ModelNotFound without the header; errors of read_body.
    """
    if services.multi_model is None:
        return DEFAULT_MODEL
    if TARGET_MODEL not in request.headers:
        return services.multi_model.only()
    read_body(request, keep=True)  # before the load, which may take longer than clients have for sending
    return services.multi_model.ensure(request.headers[TARGET_MODEL])


def described(services: Services) -> dict[str, Any]:
    """What an invocation takes, as `openapi.invocation`."""
    takes = invocation(urls=bool(services.limits.url_hosts))
    if services.multi_model is not None:
        takes["parameters"] = [*takes["parameters"], _PARAMETER]
    return takes
