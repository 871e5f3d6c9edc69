"""Streamed responses: chunks on /invocations, event stream frames on the runtime's route.

An error in between aborts a chunked body (see web/streaming), and ends an event stream with an error frame.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from container.errors import ClientGone, DeadlineExceeded
from container.protocols.sagemaker import event_stream
from container.service import RequestContext
from container.web.streaming import note, unfinished_on_error


def chunks(pieces: Iterator[bytes], context: RequestContext, environ: Mapping[str, Any]) -> bytes | Iterator[bytes]:
    """Return the body of a chunked response; for HTTP/1.0, which cannot signal an aborted body, it is joined first."""
    joined = environ.get("SERVER_PROTOCOL") == "HTTP/1.0"
    return b"".join(pieces) if joined else unfinished_on_error(pieces, context)


def events(body: bytes | Iterator[bytes], context: RequestContext) -> Iterator[bytes]:
    """Yield a body as frames of at most event_stream.MAX_PART bytes; an error becomes the last frame."""
    try:
        for piece in [body] if isinstance(body, bytes) else body:
            for start in range(0, len(piece), event_stream.MAX_PART):
                yield event_stream.part(piece[start : start + event_stream.MAX_PART])
    except Exception as error:
        known = note(error, context)
        code = "ModelInvocationTimeExceeded" if isinstance(known, DeadlineExceeded) else "StreamBroken"
        yield event_stream.model_stream_error(known.message, code)
    except GeneratorExit:
        note(ClientGone(""), context)
        raise
