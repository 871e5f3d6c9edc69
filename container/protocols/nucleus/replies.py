"""Responses: compact JSON, in which objects stand as the text that was sent.

reply({"dataset_id": "ds_1"})
streamed(pieces)  # of a text that is long
"""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from flask import Response, g, stream_with_context

from container.background import Rests
from container.errors import Overloaded
from container.store.database import CONNECTIONS
from container.web.streaming import unfinished_on_error

MEDIA_TYPE = "application/json"
MAX_STREAMS = CONNECTIONS // 2
_STREAMS = threading.BoundedSemaphore(MAX_STREAMS)
_PIECE = 1 << 16  # characters that are sent at once


def dump(value: object) -> str:
    """Return a value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def reply(value: object) -> Response:
    """Return the response of a value."""
    return spliced(dump(value))


def spliced(text: str | bytes) -> Response:
    """Return the response of a text that is JSON, which may be encoded already."""
    return Response(text if isinstance(text, bytes) else _encoded(text), content_type=MEDIA_TYPE)


def streamed(texts: Iterator[str]) -> Response:
    """Return the response of the pieces of a JSON text, which are made while they are sent.

    The first piece is made at once, so that its errors are answered. Raises Overloaded, as each holds a connection to
    the database for as long as its client reads, and others need some.
    """
    place = _Place(_STREAMS)
    try:
        first = next(texts)
    except BaseException:
        place.leave()
        raise
    pieces = (_encoded(text) for text in _joined(chain((first,), texts)))
    # With the context, of which addresses in the pieces are made.
    body = stream_with_context(unfinished_on_error(chain(pieces, place), g.context))
    response = Response(body, content_type=MEDIA_TYPE)
    response.call_on_close(place.leave)
    return response


class _Place:
    """A place among the streams, which is left at the end of one: as an iterator it has no pieces."""

    def __init__(self, places: threading.BoundedSemaphore) -> None:
        if not places.acquire(blocking=False):
            raise Overloaded(f"{MAX_STREAMS} long answers of the store are being sent already")
        self._held: list[threading.BoundedSemaphore] = [places]

    def __iter__(self) -> Iterator[bytes]:
        self.leave()
        return iter(())

    def leave(self) -> None:
        """Leave it, if it has not been left."""
        while self._held:
            self._held.pop().release()


def with_members(text: str, members: Mapping[str, object]) -> str:
    """Return the text of a JSON object with more members at its end; they win over those of the same name."""
    added = dump(members)[1:]
    body = text.rstrip()[:-1].rstrip()
    return f"{body}{added}" if body.endswith("{") else f"{body},{added}"


def array(texts: Iterable[str]) -> str:
    """Return the JSON array of texts that are JSON."""
    return f"[{','.join(texts)}]"


def members(texts: Mapping[str, str]) -> str:
    """Return the JSON object of texts that are JSON, by name."""
    return "{" + ",".join(f"{dump(name)}:{text}" for name, text in texts.items()) + "}"


def streamed_array(texts: Iterator[str]) -> Iterator[str]:
    """Yield the pieces of the JSON array of texts that are JSON."""
    separator = "["
    for text in texts:
        yield separator
        yield text
        separator = ","
    yield "[]" if separator == "[" else "]"


def _encoded(text: str) -> bytes:
    """Return UTF-8, in which half a surrogate pair stays the escape that it was sent as."""
    return text.encode("utf-8", "backslashreplace")


def _joined(texts: Iterable[str]) -> Iterator[str]:
    """Yield the same text in fewer pieces: each is a write to the socket."""
    held, size = [], 0
    for text in Rests().between(texts):
        held.append(text)
        size += len(text)
        if size >= _PIECE:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)
