"""Bodies that are sent while they are made.

After the status line is sent, it can no longer report an error: the body is then aborted without its last chunk.
"""

import errno
from collections.abc import Iterator

from container.errors import ClientGone, ServingError
from container.service import RequestContext
from container.web import errors


def unfinished_on_error(pieces: Iterator[bytes], context: RequestContext) -> Iterator[bytes]:
    """Yield the pieces of a body; ConnectionResetError where they break off, which the request's log line tells."""
    try:
        yield from pieces
    except Exception as error:
        note(error, context)
        # gunicorn closes the connection without the last chunk, and without a log line of its own.
        raise ConnectionResetError(errno.ECONNRESET, "the answer broke off") from error
    except GeneratorExit:
        note(ClientGone(""), context)
        raise


def note(error: Exception, context: RequestContext) -> ServingError:
    """Return `error` as a ServingError and put its code into the request's log line."""
    known = errors.translate(error, context)
    context.fields |= {"broke": known.code, "error": known.message[: errors.MAX_LOGGED]}
    return known
