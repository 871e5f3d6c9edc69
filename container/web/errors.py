"""Error handling: every exception is translated to a ServingError once, which the path's protocol renders."""

from flask import Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from container import memory
from container.errors import OutOfMemory, ServingError, Unavailable
from container.service.pipeline import RequestContext
from container.telemetry import metrics
from container.web.body import too_large
from container.web.site import Site

MAX_LOGGED = 500  # characters of a message in the log
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large", 415: "unsupported_media_type"}


def register(site: Site) -> None:
    """Register an error handler for all exceptions of `site`: ServingErrors, Flask's errors and unexpected ones.

    The protocol that owns the path renders the response.
    """

    @site.errorhandler(Exception)
    def respond(error: Exception) -> Response:
        context = g.get("context") or RequestContext(0.0)
        serving = translate(error, context)
        context.fields |= {"code": serving.code, "error": serving.message[:MAX_LOGGED]}
        if serving.status != ServingError.status:
            metrics.REFUSALS.labels(serving.code).inc()
        response = site.owner(request.path).error_response(serving, context.id)
        if response.status_code == serving.status:
            if isinstance(serving, Unavailable):
                response.headers["Retry-After"] = str(serving.retry_after)
            if isinstance(error, MethodNotAllowed) and error.valid_methods:
                response.headers["Allow"] = ", ".join(sorted(set(error.valid_methods) - {"OPTIONS"}))
        return response


def translate(error: Exception, context: RequestContext) -> ServingError:
    """Return `error` as a ServingError; an unexpected one goes into the request's log line, never to a client."""
    if isinstance(error, ServingError):
        return error
    if isinstance(error, RequestEntityTooLarge):
        return too_large(request)
    if isinstance(error, HTTPException) and error.code is not None:
        translated = ServingError(_http_message(error))
        translated.code, translated.status = _HTTP_CODES.get(error.code, "bad_request"), error.code
        return translated
    if memory.lacking(error):
        return OutOfMemory("there is not enough memory for this request")
    context.failure = error
    return ServingError("the server failed on this request; its log says why")


def _http_message(error: HTTPException) -> str:
    if isinstance(error, MethodNotAllowed):
        return f"{request.method[:20]} is not allowed on {request.path[:100]!r}"
    if error.code == 404:
        return f"there is no route {request.path[:100]!r}"
    return (error.name or "the request was refused").lower()
