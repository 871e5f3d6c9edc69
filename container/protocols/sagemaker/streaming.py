"""Answers that are sent while they are made: chunks on /invocations, frames of events on the runtime's route.

What goes wrong once the status is out can no longer be told by it: a chunked body then breaks off without its end, and
a stream of events ends with an error.
"""

import errno
from collections.abc import Iterator, Mapping
from typing import Any

from container.errors import ClientGone, DeadlineExceeded, ServingError
from container.protocols.sagemaker import event_stream
from container.service import RequestContext
from container.web import errors


def chunks(pieces: Iterator[bytes], context: RequestContext, environ: Mapping[str, Any]) -> bytes | Iterator[bytes]:
    """The body of a plain answer: in pieces where the client can be told that one broke."""
    return b"".join(pieces) if environ.get("SERVER_PROTOCOL") == "HTTP/1.0" else _chunks(pieces, context)


def _chunks(pieces: Iterator[bytes], context: RequestContext) -> Iterator[bytes]:
    try:
        yield from pieces
    except Exception as error:
        _note(error, context)
        # gunicorn closes the connection without the last chunk, and without a line of its own in the log.
        raise ConnectionResetError(errno.ECONNRESET, "the answer broke off") from error
    except GeneratorExit:
        _note(ClientGone(""), context)
        raise


def events(body: bytes | Iterator[bytes], context: RequestContext) -> Iterator[bytes]:
    """Any body as frames of at most event_stream.MAX_PART bytes; what breaks it is the last of them."""
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
    """`error` in our own terms, for the request's line in the log."""
    known = errors.translate(error, context)
    context.fields["broke"] = known.code
    return known
