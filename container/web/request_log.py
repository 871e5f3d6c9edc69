"""Hooks around every request: request id, one log line, metrics, and the headers of every response."""

import logging
import random
import re
import socket
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Request, Response, g, request

from container.service.pipeline import RequestContext
from container.telemetry import metrics
from container.web.site import Site

log = logging.getLogger("maskserve.request")

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # Responses depend on the request's own image. Pages and their files set another value.
    "Cache-Control": "no-store",
}
_GONE = (7, 8)  # TCP states in Linux: TCP_CLOSE (reset) and TCP_CLOSE_WAIT (closed by the client)
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,64}")


def register(site: Site) -> None:
    """Give every request a context with an id, echo the id as X-Request-Id, and log and count every response."""
    names = [*(name for protocol in site.protocols for name in protocol.request_id_headers), "X-Request-Id"]
    id_headers = ["HTTP_" + name.upper().replace("-", "_") for name in names]

    @site.before_request
    def begin() -> None:
        environ = request.environ
        given = next(filter(None, map(environ.get, id_headers)), "")
        request_id = given if _PRINTABLE.fullmatch(given) else f"{random.getrandbits(128):032x}"
        g.context = RequestContext(site.services.deadline_seconds, partial(disconnected, environ), request_id)
        metrics.IN_FLIGHT.inc()

    @site.after_request
    def end(response: Response) -> Response:
        context: RequestContext | None = g.get("context")
        if context is None:
            return response
        headers = response.headers
        there = {name.lower() for name in headers.keys()}
        headers.extend((name, value) for name, value in _HEADERS.items() if name.lower() not in there)
        headers["X-Request-Id"] = context.id
        if context.stages:
            headers["Server-Timing"] = _server_timing(context)
        asked: Request = request._get_current_object()  # type: ignore[attr-defined]  # a proxy looks it up each time
        rule = asked.url_rule.rule if asked.url_rule else "none"
        quiet = rule in site.health_routes
        record = partial(_record, context, rule, asked.method[:16], asked.path[:200], response, quiet)
        if response.is_streamed:  # ends with its last piece, after Flask has torn down the request
            g.streamed = True
            response.direct_passthrough = False  # with passthrough, the server closes the file but not the response
            response.call_on_close(record)
            response.call_on_close(metrics.IN_FLIGHT.dec)
        else:
            record()
        return response

    @site.teardown_request
    def leave(_error: BaseException | None) -> None:
        if "context" in g and "streamed" not in g:
            metrics.IN_FLIGHT.dec()


def _server_timing(context: RequestContext) -> str:
    """Return milliseconds by stage, as in the log line, and in `total` since the request arrived.

    Of a body that is streamed they are those up to its first piece.
    """
    total = (time.monotonic() - context.received) * 1000
    parts = [f"{name};dur={milliseconds:.1f}" for name, milliseconds in context.stages.items()]
    return ", ".join([*parts, f"total;dur={total:.1f}"])


def _record(context: RequestContext, rule: str, method: str, path: str, response: Response, quiet: bool) -> None:
    milliseconds = (time.monotonic() - context.received) * 1000
    metrics.REQUESTS.labels(rule, response.status_code).inc()
    metrics.LATENCY.labels(rule).observe(milliseconds / 1000)
    if quiet and not context.failure:  # polled every few seconds: a line for each costs money on CloudWatch
        return
    fields = {
        "request_id": context.id,
        "method": method,
        "path": path,
        "status": response.status_code,
        "ms": round(milliseconds, 1),
        "bytes_out": response.content_length,
        **context.fields,
    }
    level = logging.ERROR if context.failure else logging.INFO
    log.log(level, "request", exc_info=context.failure, extra={"fields": fields})
    context.failure = None  # its frames hold the context and the image until garbage collection


def disconnected(environ: Mapping[str, Any]) -> bool:
    """Return True if the client has closed or reset its connection; False if that cannot be determined.

    Queries the TCP state without reading: a connection past its read deadline is shut for reading and would appear
    closed.
    """
    client = environ.get("gunicorn.socket")
    if client is None or not hasattr(socket, "TCP_INFO"):  # another server, or not Linux
        return False
    try:
        return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _GONE
    except OSError:
        return False
