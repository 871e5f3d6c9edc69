"""Where a request ends: what gunicorn's parser lets through and must not, bounds on chunked bodies, and a clean end.

Whoever reads a request's bytes differently from us (a proxy in front) can be made to take a part of its body for the
next request. So where its end is in doubt nothing after it is believed: the request is refused, the connection closed.
"""

import fcntl
import io
import re
import select
import socket
import struct
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gunicorn.http import errors as http
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.message import Request

from container.errors import BodyTooLarge

_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_MAX_BETWEEN = 16_384  # bytes of one chunk's size and extensions, and of all trailers; gunicorn has no limit
MAX_HEAD = 65_536  # bytes; gunicorn's 100 lines of 8,190 were 0.8 MB a connection, and a second of Accept to read
_PATIENCE = 2.0  # seconds that a refused client may pause before it is hung up on


def check(request: Any) -> None:
    """Raise gunicorn's error for a head that it has read too kindly. Source: RFC 9112, 3.2 and 6.1; RFC 9110, 5.5."""
    for name, value in request.headers:
        # One coding and nothing else: nothing here would undo gzip under chunks.
        if name == "TRANSFER-ENCODING" and value.lower() != "chunked":
            raise http.UnsupportedTransferCoding(value)
        if _CONTROLS.search(value):
            raise http.InvalidHeader(name)
    hosts = sum(name == "HOST" for name, _ in request.headers)
    if hosts > 1 or (hosts == 0 and request.version >= (1, 1)):
        raise http.InvalidHeader("HOST")


def bound(request: Any, max_bytes: int, count: Callable[[int], None]) -> None:
    """Have the body end at `max_bytes`, before anything of it is read; the connection ends with a body over that.

    What is read of it is told to `count`, which may raise.
    """
    reader = request.body.reader
    if isinstance(reader, ChunkedReader):
        reader = _Chunks(request, request.unreader, max_bytes)
    elif isinstance(reader, LengthReader) and reader.length > max_bytes:
        request.force_close()
    request.body = _Counted(request, reader, count)


def unfinished(request: Any) -> bool:
    """Whether a part of the body has not been read, or could not be."""
    reader = request.body.reader
    return reader.parser is not None if isinstance(reader, ChunkedReader) else reader.length > 0


def hang_up(client: socket.socket, seconds: float) -> None:
    """Take what an answered client still sends, and throw it away, until it stops, or for `seconds`.

    Closing while there are bytes that nobody has read resets the connection, and the client never sees the answer.
    """
    end = time.monotonic() + seconds
    with suppress(OSError):
        client.shutdown(socket.SHUT_WR)
        client.settimeout(_PATIENCE)
        while client.recv(65536) and time.monotonic() < end:
            pass


def untaken(client: socket.socket) -> bool:
    """Whether a client has not taken, or its system not acknowledged, all that was sent to it; False if not known."""
    try:
        return any(fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)))
    except OSError:
        return False


def readable(client: socket.socket) -> bool:
    """Whether a client has sent something, or is gone."""
    poll = select.poll()
    poll.register(client, select.POLLIN)
    return bool(poll.poll(0))


def drop(client: socket.socket) -> None:
    """Have a connection end with a reset when it is closed: the system keeps no longer what the client has not read."""
    with suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Head(Request):
    """A request whose whole head is bounded, and not each of its lines alone."""

    def parse(self, unreader: Any) -> Any:
        self.max_buffer_headers = MAX_HEAD
        try:
            return super().parse(unreader)
        except http.ParseException as error:
            error.path = self.path  # for the shape of the answer; None where the request line itself is wrong
            raise


class _Counted(Body):
    """A body that tells how much is read of it."""

    def __init__(self, request: Any, reader: Any, count: Callable[[int], None]) -> None:
        super().__init__(reader)
        self._request = request
        self._count = count

    def read(self, size: int | None = None) -> bytes:
        data: bytes = super().read(size)
        try:
            self._count(len(data))
        except Exception:
            self._request.force_close()
            raise
        return data


class _Chunks(ChunkedReader):
    """Chunks whose announced sizes are added up before they are waited for: BodyTooLarge over `max_bytes`."""

    def __init__(self, request: Any, unreader: Any, max_bytes: int) -> None:
        super().__init__(request, unreader)
        self._left = max_bytes

    def read(self, size: int) -> bytes:
        try:
            data: bytes = super().read(size)
            return data
        except Exception:
            self.req.force_close()
            raise

    def parse_chunk_size(self, unreader: Any, data: bytes | None = None) -> tuple[int, bytes | None]:
        line = io.BytesIO()
        line.write(data or b"")
        while b"\r\n" not in line.getvalue():
            self.get_data(unreader, line)
        data = line.getvalue()
        if _CONTROLS.search(data.split(b"\r\n", 1)[0].decode("latin-1")):
            raise http.InvalidChunkExtension("control character")
        size, rest = super().parse_chunk_size(unreader, data)
        self._left -= size
        if self._left < 0:
            raise BodyTooLarge("the chunks announce more bytes than are allowed")
        return size, rest

    def get_data(self, unreader: Any, buf: io.BytesIO) -> None:
        if buf.tell() > _MAX_BETWEEN:
            raise http.LimitRequestHeaders("a chunk's size line, or trailers")
        super().get_data(unreader, buf)
