"""Request bodies: how large they may be and how long they may take, and how a view reads one."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Request, g
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from container import memory
from container.errors import BadRequest, BodyTooLarge, ServingError

MAX_PARTS = 10_000  # commas and opening brackets of a JSON body

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class BodyLimits:
    """The limits of one route's bodies, which the server applies while it reads and Flask once more.

    BodyLimits(25 * 2**20, seconds=30)  # a picture
    BodyLimits(512 * 2**20, seconds=30, min_rate=65_536, in_memory=False)  # an upload that the view writes to disk
    """

    max_bytes: int | None = None  # None: no limit
    seconds: float = 30.0  # from the first byte of the request to the last
    min_rate: int = 0  # bytes a second: each that has come gives the body 1 / min_rate seconds more
    in_memory: bool = True  # whether its bytes count against the memory for bodies of all requests
    setting: str = ""  # the environment variable that sets `max_bytes`, for who is refused

    def seconds_for(self, received: int) -> float:
        """How long a body may have taken of which `received` bytes have come."""
        return self.seconds + (received / self.min_rate if self.min_rate else 0.0)


def read_body(request: Request, keep: bool = False) -> bytes:
    """The whole body, to be read once unless it is kept.

    BodyTooLarge over the limit, Overloaded or MemoryError where there is no memory for it now, BadRequest where it
    breaks off or its chunks are malformed.
    """
    with _translated(request):
        # Before anything touches request.form, which would swallow a body that curl calls a form.
        body = request.get_data(cache=keep)
        _check_end(request, len(body))
    return body


def read_pieces(request: Request, size: int = 1 << 16) -> Iterator[bytes]:
    """The body in pieces of at most `size` bytes, for uploads that are written to disk; errors of `read_body`."""
    received = 0
    with _translated(request):
        while piece := request.stream.read(size):
            received += len(piece)
            yield piece
        _check_end(request, received)


def _check_end(request: Request, received: int) -> None:
    """BodyTooLarge or BadRequest where a body of which so many bytes were read is longer."""
    length = request.content_length
    if length is None and received == request.max_content_length and request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge  # werkzeug cuts a chunked body at the limit and says nothing
    if length is not None and received < length:
        raise BadRequest(f"the body broke off after {received} of {length} bytes")


@contextmanager
def _translated(request: Request) -> Iterator[None]:
    """Errors of a body that is read, in our own terms."""
    try:
        yield
    except (RequestEntityTooLarge, BodyTooLarge):
        raise too_large(request) from None
    except ClientDisconnected:
        raise BadRequest("the body broke off") from None
    except ServingError:
        raise
    except Exception as error:
        if memory.lacking(error):
            raise
        # gunicorn's parser raises its own errors, of several families, out of wsgi.input on malformed chunks.
        raise BadRequest("the body cannot be read: its chunks are malformed or it broke off") from error


def too_large(request: Request) -> BodyTooLarge:
    """The error for a body over the limit of its route."""
    setting = g.body_limits.setting if "body_limits" in g else ""
    return BodyTooLarge(
        f"the body is over {(request.max_content_length or 0) / 1024**2:g} MB",
        hint=f"the limit is set by {setting}" if setting else "",
    )


def parse_json(body: bytes, max_parts: int = MAX_PARTS) -> object:
    """The value of a JSON body; ValueError or RecursionError where it is none, BadRequest where it has too many parts.

    25 MB of empty objects take 620 MB once they are read, and a second in which nothing else runs.
    """
    parts = sum(map(body.count, (b",", b"[", b"{")))  # base64 has none of them
    if parts > max_parts:
        raise BadRequest(f"the JSON body has {parts} commas and opening brackets; at most {max_parts} are allowed")
    return json.loads(body)


def takes_json(max_parts: int = MAX_PARTS) -> Callable[[View], View]:
    """Mark a view whose body is JSON, of at most so many parts: an API key may lie in it, and `read_json` reads it."""

    def mark(view: View) -> View:
        view.max_json_parts = max_parts  # type: ignore[attr-defined]  # a function takes attributes
        return view

    return mark


def read_json(request: Request, max_parts: int = MAX_PARTS) -> object:
    """The value of a JSON body, read and parsed once a request; BadRequest where it is none, errors of `read_body`."""
    if "json_value" not in g:
        try:
            g.json_value = parse_json(read_body(request), max_parts)
        except (ValueError, RecursionError):
            raise BadRequest("the body is not JSON") from None
    return g.json_value
