"""The headers of responses, beside those of every protocol."""

import time
from urllib.parse import quote

from flask import Response, g, request

COLD_START = "X-Model-Cold-Start"
LOAD_TIME = "X-Model-Load-Time"
MODEL_ID = "X-Model-Id"
PROCESSING_TIME = "X-Processing-Time"
EXECUTION_ID = "execution_id"
_MAX_EXECUTION_ID = 200  # characters


def answered(body: bytes, media_type: str, model_id: str, load_seconds: float) -> Response:
    """Return the response of an inference: the model's id as it was asked for, and the seconds that loading it took."""
    headers = {MODEL_ID: quote(model_id, safe="/")}
    if load_seconds:
        headers |= {COLD_START: "true", LOAD_TIME: f"{load_seconds:.6f}"}
    return Response(body, content_type=media_type, headers=headers)


def finish(response: Response) -> Response:
    """Add the seconds that the request took, and the execution id that it came with."""
    response.headers[PROCESSING_TIME] = f"{time.monotonic() - g.context.received:.6f}"
    given = request.headers.get(EXECUTION_ID, "")
    if given and given.isascii() and given.isprintable() and len(given) <= _MAX_EXECUTION_ID:
        response.headers[EXECUTION_ID] = given
    return response
