"""Request bodies: limits on size and duration, and functions for views to read and parse them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Request, g
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from container import memory
from container.errors import BadRequest, BodyTooLarge, ServingError, UnsupportedMediaType, shown

MAX_PARTS = 10_000  # commas and opening brackets of a JSON body

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class BodyLimits:
    """The limits of one route's bodies, enforced by the server while it reads and again by Flask.

    BodyLimits(25 * 2**20, seconds=30)  # an image
    BodyLimits(512 * 2**20, seconds=30, min_rate=65_536, in_memory=False)  # an upload that the view writes to disk
    """

    max_bytes: int | None = None  # None: no limit
    seconds: float = 30.0  # from the first byte of the request to the last
    min_rate: int = 0  # bytes per second: each received byte extends the deadline by 1 / min_rate seconds
    in_memory: bool = True  # True: its bytes count against the memory shared by all request bodies
    setting: str = ""  # the environment variable that sets `max_bytes`, for the error message

    def seconds_for(self, received: int) -> float:
        """Return the time limit in seconds for a body of which `received` bytes have arrived."""
        return self.seconds + (received / self.min_rate if self.min_rate else 0.0)


def check_plain(request: Request) -> None:
    """Raise UnsupportedMediaType for a compressed body, where only plain ones are read."""
    coding = request.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity"):
        raise UnsupportedMediaType(f"Content-Encoding {shown(coding)} is not read; send the body as it is")


def read_body(request: Request, keep: bool = False) -> bytes:
    """Return the whole body; it can be read only once unless `keep` is set.

    Raises BodyTooLarge over the limit, Overloaded or MemoryError if there is no memory for it now, and BadRequest if it
    is truncated or its chunks are malformed.
    """
    with _translated(request):
        # Before anything accesses request.form, which would consume a body that curl labels as a form.
        body = request.get_data(cache=keep)
        _check_end(request, len(body))
    return body


def read_pieces(request: Request, size: int = 1 << 16) -> Iterator[bytes]:
    """Yield the body in pieces of at most `size` bytes, for uploads written to disk; raises errors of `read_body`."""
    received = 0
    with _translated(request):
        while piece := request.stream.read(size):
            received += len(piece)
            yield piece
        _check_end(request, received)


def _check_end(request: Request, received: int) -> None:
    """Raise RequestEntityTooLarge or BadRequest if the body is longer than the `received` bytes."""
    length = request.content_length
    if length is None and received == request.max_content_length and request.environ["wsgi.input"].read(1):
        raise RequestEntityTooLarge  # werkzeug truncates a chunked body at the limit silently
    if length is not None and received < length:
        raise BadRequest(f"the body broke off after {received} of {length} bytes")


@contextmanager
def _translated(request: Request) -> Iterator[None]:
    """Translate errors raised while a body is read into ServingErrors."""
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
        # On malformed chunks, wsgi.input raises errors of gunicorn's parser, which have no common base class.
        raise BadRequest("the body cannot be read: its chunks are malformed or it broke off") from error


def too_large(request: Request) -> BodyTooLarge:
    """Return the error for a body over the limit of its route."""
    setting = g.body_limits.setting if "body_limits" in g else ""
    return BodyTooLarge(
        f"the body is over {(request.max_content_length or 0) / 1024**2:g} MB",
        hint=f"the limit is set by {setting}" if setting else "",
    )


def parse_json(body: bytes, max_parts: int = MAX_PARTS) -> object:
    """Return the value of a JSON body.

    Raises ValueError or RecursionError if it is not JSON, and BadRequest if it has more than `max_parts` parts.
    25 MB of empty objects take 620 MB once parsed, and block all other threads for one second.
    """
    parts = sum(map(body.count, (b",", b"[", b"{")))  # base64 contains none of these
    if parts > max_parts:
        raise BadRequest(f"the JSON body has {parts} commas and opening brackets; at most {max_parts} are allowed")
    return json.loads(body)


def takes_json(max_parts: int = MAX_PARTS) -> Callable[[View], View]:
    """Mark a view whose body is JSON of at most `max_parts` parts, read by `read_json`; it may hold an API key."""

    def mark(view: View) -> View:
        view.max_json_parts = max_parts  # type: ignore[attr-defined]  # functions accept attributes
        return view

    return mark


def read_json(request: Request, max_parts: int = MAX_PARTS) -> object:
    """Return the value of a JSON body, read and parsed once per request.

    Raises BadRequest if it is not JSON, and the errors of `read_body`.
    """
    if "json_value" not in g:
        try:
            g.json_value = parse_json(read_body(request), max_parts)
        except (ValueError, RecursionError):
            raise BadRequest("the body is not JSON") from None
    return g.json_value
