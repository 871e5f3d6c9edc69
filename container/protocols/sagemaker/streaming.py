"""Answers that are sent while they are made: chunks on /invocations, frames of events on the runtime's route.

What goes wrong once the status is out can no longer be told by it: a chunked body then breaks off without its end, and
a stream of events ends with an error.
"""

import errno
from collections.abc import Iterator
from typing import Any

from container.errors import ClientGone, DeadlineExceeded, ServingError
from container.protocols import errors
from container.protocols.sagemaker import event_stream
from container.protocols.sagemaker.exchange import Reply


def chunks(reply: Reply, environ: dict[str, Any]) -> bytes | Iterator[bytes]:
    """The body of a plain answer: in pieces where it comes in pieces and the client can be told that one broke."""
    if isinstance(reply.body, bytes) or environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        return reply.whole()
    return _chunks(reply.body, reply, environ)


def _chunks(pieces: Iterator[bytes], reply: Reply, environ: dict[str, Any]) -> Iterator[bytes]:
    try:
        yield from pieces
    except Exception as error:
        _note(error, reply, environ)
        # gunicorn closes the connection without the last chunk, and without a line of its own in the log.
        raise ConnectionResetError(errno.ECONNRESET, "the answer broke off") from error
    except GeneratorExit:
        _note(ClientGone(""), reply, environ)
        raise


def events(reply: Reply, environ: dict[str, Any]) -> Iterator[bytes]:
    """Any body as frames of at most event_stream.MOST bytes; what breaks it is the last of them."""
    try:
        for piece in [reply.body] if isinstance(reply.body, bytes) else reply.body:
            for start in range(0, len(piece), event_stream.MOST):
                yield event_stream.part(piece[start : start + event_stream.MOST])
    except Exception as error:
        known = _note(error, reply, environ)
        code = "ModelInvocationTimeExceeded" if isinstance(known, DeadlineExceeded) else "StreamBroken"
        yield event_stream.model_stream_error(known.message, code)
    except GeneratorExit:
        _note(ClientGone(""), reply, environ)
        raise


def _note(error: Exception, reply: Reply, environ: dict[str, Any]) -> ServingError:
    """`error` in our own terms, for the request's line in the log."""
    known = errors.translate(error, environ)
    reply.log["broke"] = known.code
    return known
