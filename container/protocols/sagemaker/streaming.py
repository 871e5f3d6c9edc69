"""Streamed responses: chunks on /invocations, event stream frames on the runtime's route.

After the status line is sent, it can no longer report an error: a chunked body is then aborted without its last chunk,
and an event stream ends with an error frame.
"""

import errno
from collections.abc import Iterator, Mapping
from typing import Any

from container.errors import ClientGone, DeadlineExceeded, ServingError
from container.protocols.sagemaker import event_stream
from container.service import RequestContext
from container.web import errors


def chunks(pieces: Iterator[bytes], context: RequestContext, environ: Mapping[str, Any]) -> bytes | Iterator[bytes]:
    """Return the body of a chunked response; for HTTP/1.0, which cannot signal an aborted body, it is joined first."""
    return b"".join(pieces) if environ.get("SERVER_PROTOCOL") == "HTTP/1.0" else _chunks(pieces, context)


def _chunks(pieces: Iterator[bytes], context: RequestContext) -> Iterator[bytes]:
    try:
        yield from pieces
    except Exception as error:
        _note(error, context)
        # gunicorn closes the connection without the last chunk, and without a log line of its own.
        raise ConnectionResetError(errno.ECONNRESET, "the answer broke off") from error
    except GeneratorExit:
        _note(ClientGone(""), context)
        raise


def events(body: bytes | Iterator[bytes], context: RequestContext) -> Iterator[bytes]:
    """Yield a body as frames of at most event_stream.MAX_PART bytes; an error becomes the last frame."""
    try:
        for piece in [body] if isinstance(body, bytes) else body:
            for start in range(0, len(piece), event_stream.MAX_PART):
                yield event_stream.part(piece[start : start + event_stream.MAX_PART])
    except Exception as error:
        known = _note(error, context)
        code = "ModelInvocationTimeExceeded" if isinstance(known, DeadlineExceeded) else "StreamBroken"
        yield event_stream.model_stream_error(known.message, code)
    except GeneratorExit:
        _note(ClientGone(""), context)
        raise


def _note(error: Exception, context: RequestContext) -> ServingError:
    """Return `error` as a ServingError and put its code into the request's log line."""
    known = errors.translate(error, context)
    context.fields |= {"broke": known.code, "error": known.message[: errors.MAX_LOGGED]}
    return known
