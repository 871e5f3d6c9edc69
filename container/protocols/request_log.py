"""What happens around every request: its id, one log line, the metrics."""

import logging
import re
import time
import uuid
from functools import partial
from typing import Any

from flask import Flask, Response, request

from container.telemetry import metrics

log = logging.getLogger("maskserve.request")

INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,64}")


def register(app: Flask) -> None:
    """Give every request an id, echo it as X-Request-Id, and log and count it when it is answered."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get(INFERENCE_ID) or request.headers.get("X-Request-Id", "")
        request.environ["maskserve.request_id"] = given if _PRINTABLE.fullmatch(given) else uuid.uuid4().hex
        request.environ["maskserve.started"] = time.monotonic()
        metrics.IN_FLIGHT.inc()

    @app.after_request
    def end(response: Response) -> Response:
        environ = request.environ
        response.headers["X-Request-Id"] = environ.get("maskserve.request_id", "")
        route = request.url_rule.rule if request.url_rule else "none"
        record = partial(_record, environ, route, request.path, response)
        if response.is_streamed:  # over after its last piece, when Flask has left the request
            environ["maskserve.streamed"] = True
            response.direct_passthrough = False  # a file that the server takes by itself is closed, the response not
            response.call_on_close(record)
            response.call_on_close(metrics.IN_FLIGHT.dec)
        else:
            record()
        return response

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        if "maskserve.started" in request.environ and "maskserve.streamed" not in request.environ:
            metrics.IN_FLIGHT.dec()


def _record(environ: dict[str, Any], route: str, path: str, response: Response) -> None:
    seconds = time.monotonic() - environ.get("maskserve.started", time.monotonic())
    metrics.REQUESTS.labels(route, response.status_code).inc()
    metrics.LATENCY.labels(route).observe(seconds)
    failure = environ.get("maskserve.failure")
    if route == "/ping" and not failure:  # asked every few seconds: a line each is money on CloudWatch
        return
    fields = {
        "request_id": environ.get("maskserve.request_id", ""),
        "method": environ.get("REQUEST_METHOD", "")[:16],
        "path": path[:200],
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
        "bytes_out": response.content_length,
        **environ.get("maskserve.log", {}),
    }
    log.log(logging.ERROR if failure else logging.INFO, "request", exc_info=failure, extra={"fields": fields})
