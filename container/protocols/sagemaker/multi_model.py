"""Multi-model endpoint routes of the container: load, list, get, unload and invoke models by name.

Source: docs.aws.amazon.com/sagemaker/latest/dg, mms-container-apis.html.
"""

import base64
import binascii
import re

from flask import Blueprint, Response, g, jsonify, request

from container.errors import BadRequest, InsufficientMemory, OutOfMemory
from container.models.policies.explicit import Explicit
from container.protocols.sagemaker.endpoint import plain_response
from container.protocols.sagemaker.invocation import Defaults, invoke
from container.protocols.sagemaker.openapi import EXAMPLE_NAME, answers, error, invocation, name_parameter
from container.service import Services
from container.web.body import parse_json, read_body
from container.web.openapi import operation

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
MAX_LIMIT = 100
_LOAD_HINT = '{"model_name": "…", "url": "…"}'
_MAKE_ROOM = "send a smaller one, or unload other models"
_MODEL = {
    "type": "object",
    "required": ["modelName", "modelUrl"],
    "properties": {"modelName": {"type": "string"}, "modelUrl": {"type": "string"}},
}
_NAME_PARAMETER = name_parameter("Model name", NAME)
_NOT_LOADED = {"404": error("No such model is loaded")}
_NO_ROOM = {"507": error("No memory for this picture while so many models are loaded")}
_STARTING = {"503": error("The server is still starting; Retry-After says when")}


def create_blueprint(models: Explicit, services: Services, defaults: Defaults) -> Blueprint:
    """Return the blueprint of the routes below /models."""
    blueprint = Blueprint("sagemaker_models", __name__)
    takes = invocation(services, defaults.negotiation)

    @blueprint.post("/models")
    @operation("Load a model, waiting for it", _LOAD_ANSWERS, requestBody=_LOAD_BODY)
    def load() -> Response:
        name, url = _named(read_body(request))
        models.load(name, url)
        return jsonify(status=f'Model "{name}" loaded')

    @blueprint.get("/models")
    @operation("The models that are loaded, by name", _LIST_ANSWERS, parameters=_LIST_PARAMETERS)
    def list_models() -> Response:
        after, limit = _after(request.args.get("next_page_token", "")), _limit(request.args.get("limit", ""))
        page = models.page(after, limit)
        token = {"nextPageToken": _token(page.models[-1][0])} if page.more else {}
        return jsonify(models=[_described(name, url) for name, url in page.models], **token)

    @blueprint.get("/models/<name>")
    @operation(
        "Where a model was loaded from",
        {"200": {"description": "It is loaded", "content": {"application/json": {"schema": _MODEL}}}}
        | _NOT_LOADED
        | _STARTING,
        parameters=[_NAME_PARAMETER],
    )
    def get(name: str) -> Response:
        return jsonify(_described(name, models.url(name)))

    @blueprint.delete("/models/<name>")
    @operation(
        "Unload a model: the requests that it has are finished, and its memory is free when this is answered",
        {"200": {"description": "Unloaded"}} | _NOT_LOADED | _STARTING,
        parameters=[_NAME_PARAMETER],
    )
    def unload(name: str) -> Response:
        models.unload(name)
        return jsonify(status=f'Model "{name}" unloaded')

    @blueprint.post("/models/<name>/invoke")
    @operation(
        "A picture in; what this model finds, out",
        {**answers(defaults.negotiation), **_NOT_LOADED, **_NO_ROOM},
        **{**takes, "parameters": [_NAME_PARAMETER, *takes["parameters"]]},
    )
    def invoke_model(name: str) -> Response:
        models.check_started()
        try:
            response = invoke(request, services, defaults, g.context, name)
        except (OutOfMemory, MemoryError):  # on 507, the platform unloads other models and retries
            raise InsufficientMemory("there is not enough memory for this picture", _MAKE_ROOM) from None
        return plain_response(response)

    return blueprint


def _described(name: str, url: str) -> dict[str, str]:
    return {"modelName": name, "modelUrl": url}


def _named(body: bytes) -> tuple[str, str]:
    """Return the name and the URL in the body of a load request; BadRequest if it is invalid."""
    try:
        document = parse_json(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise BadRequest("the body is not a JSON object", hint=_LOAD_HINT)
    for key in ("model_name", "url"):
        if not isinstance(document.get(key), str):
            wrong = "is no string" if key in document else "is missing"
            raise BadRequest(f"{key} of the JSON body {wrong}", hint=_LOAD_HINT)
    if not NAME.fullmatch(document["model_name"]):
        raise BadRequest("model_name takes 1 to 255 of the characters A-Z a-z 0-9 . _ -, and begins with none of . _ -")
    return document["model_name"], document["url"]


def _limit(text: str) -> int:
    if not text:
        return MAX_LIMIT
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise BadRequest(f"limit is {text[:20]!r}; it takes 1 to {MAX_LIMIT}")
    return int(text)


def _token(name: str) -> str:
    """Return a page token: the last name of a page, so that loads and unloads do not shift later pages."""
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _after(token: str) -> str:
    try:
        name = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, ValueError):
        name = ""
    if token and (not NAME.fullmatch(name) or _token(name) != token):
        raise BadRequest("next_page_token is none that this server gave")
    return name


_LOAD_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["model_name", "url"],
                "properties": {
                    "model_name": {"type": "string", "pattern": f"^{NAME.pattern}$"},
                    "url": {"type": "string", "description": "A folder or a .tar.gz below /opt/ml/models"},
                },
            },
            "example": {"model_name": EXAMPLE_NAME, "url": f"/opt/ml/models/{EXAMPLE_NAME}"},
        }
    },
}
_LOAD_ANSWERS = {
    "200": {"description": "Loaded, and ready"},
    "400": error("The body cannot be read, no model lies there, or it cannot be loaded"),
    "409": error("A model is loaded under this name, or is being loaded or unloaded"),
    "413": error("The body is too large"),
    "507": error("There is no memory for it, unless others are unloaded"),
    **_STARTING,
}
_LIST_PARAMETERS = [
    {
        "in": "query",
        "name": "limit",
        "allowEmptyValue": True,
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT},
    },
    {"in": "query", "name": "next_page_token", "schema": {"type": "string"}},
]
_LIST_ANSWERS = {
    "200": {
        "description": "A page of models; nextPageToken where there are more",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["models"],
                    "properties": {
                        "models": {"type": "array", "items": _MODEL},
                        "nextPageToken": {"type": "string"},
                    },
                }
            }
        },
    },
    "400": error("The limit or the token is none"),
    **_STARTING,
}
