"""Errors as answers: any exception becomes a ServingError once, and a ServingError one JSON document.

{"error": {"code", "message", "hint", "request_id"}}; routes whose clients expect another shape build on `translate`.
"""

import json
from typing import Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from container import memory
from container.errors import OutOfMemory, ServingError, Unavailable

_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large", 415: "unsupported_media_type"}


def register(app: Flask) -> None:
    """Answer every error of `app`, its own, Flask's and unforeseen ones, in the one JSON shape."""
    app.register_error_handler(Exception, lambda error: respond(error))


def respond(error: Exception) -> Response:
    """The answer to an exception."""
    serving = translate(error, request.environ)
    headers = {}
    if isinstance(serving, Unavailable):
        headers["Retry-After"] = str(serving.retry_after)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(set(error.valid_methods) - {"OPTIONS"}))
    return Response(
        as_json(serving, request_id()),
        serving.status,
        headers,
        content_type="application/json",
    )


def translate(error: Exception, environ: dict[str, Any]) -> ServingError:
    """`error` as a ServingError; what nobody foresaw goes into the request's log line and to nobody else."""
    if isinstance(error, ServingError):
        return error
    if isinstance(error, HTTPException) and error.code is not None:
        translated = ServingError(_http_message(error))
        translated.code, translated.status = _HTTP_CODES.get(error.code, "bad_request"), error.code
        return translated
    if memory.lacking(error):
        return OutOfMemory("there is not enough memory for this request")
    environ["maskserve.failure"] = error
    return ServingError("the server failed on this request; its log says why")


def _http_message(error: HTTPException) -> str:
    if isinstance(error, MethodNotAllowed):
        return f"{request.method[:20]} is not allowed on {request.path[:100]!r}"
    if error.code == 404:
        return f"there is no route {request.path[:100]!r}"
    return (error.name or "the request was refused").lower()


def as_json(error: ServingError, request_id: str) -> bytes:
    """The document of an error, on one line."""
    return json.dumps(document(error, request_id), ensure_ascii=False).encode() + b"\n"


def document(error: ServingError, request_id: str) -> dict[str, dict[str, str]]:
    """The JSON of an error."""
    fields = {"code": error.code, "message": error.message, "hint": error.hint, "request_id": request_id}
    return {"error": {key: value for key, value in fields.items() if value}}


def request_id() -> str:
    """The id of the request that is being answered, "" before it has one."""
    return str(request.environ.get("maskserve.request_id", ""))
