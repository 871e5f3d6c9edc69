"""Request framing: stricter header checks than gunicorn's parser, limits on bodies, and clean connection closing.

If a proxy in front parses a request's bytes differently, it can take a part of the body for the next request (request
smuggling). So when the end of a request is ambiguous, the request is rejected and the connection closed.
"""

import fcntl
import io
import os
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
from container.gate import outside

_UNDERSCORED = re.compile(rb"(?im)^(execution)_(id)(?=:)")  # the header of Roboflow's client that has an underscore
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_MAX_BETWEEN = 16_384  # bytes of one chunk's size line with extensions, and of all trailers; gunicorn has no limit
MAX_HEAD = 65_536  # bytes; gunicorn's 100 lines of 8,190 were 0.8 MB a connection, and took a second to parse as Accept
_PIECE = 65_536  # bytes of a body asked for at once; gunicorn asks for 8,192, and hands on a kilobyte at a time
_HEAD_PIECE = 4096  # of a head, whose bytes gunicorn copies ten times, those of a body behind it too
_PATIENCE = 2.0  # seconds that a rejected client may pause before its connection is closed


def check(request: Any) -> None:
    """Raise gunicorn's error for heads that its parser wrongly accepts. Source: RFC 9112, 3.2, 6.1; RFC 9110, 5.5."""
    for name, value in request.headers:
        # Only chunked alone: nothing here decompresses gzip inside chunks.
        if name == "TRANSFER-ENCODING" and value.lower() != "chunked":
            raise http.UnsupportedTransferCoding(value)
        if _CONTROLS.search(value):
            raise http.InvalidHeader(name)
    hosts = sum(name == "HOST" for name, _ in request.headers)
    if hosts > 1 or (hosts == 0 and request.version >= (1, 1)):
        raise http.InvalidHeader("HOST")


def bound(request: Any, max_bytes: int, count: Callable[[int], None]) -> None:
    """Limit the body to `max_bytes`, before any of it is read; a longer body closes the connection.

    `count` is called with the number of bytes of each read, and may raise. A client that waits to be asked for its body
    is asked at the first read, so that a request can be refused before.
    """
    reader = request.body.reader
    if isinstance(reader, ChunkedReader):
        reader = _Chunks(request, request.unreader, max_bytes)
    elif isinstance(reader, LengthReader):
        if reader.length > max_bytes:
            request.force_close()
        reader = _Length(request.unreader, reader.length)
    request.unreader.mxchunk = _PIECE
    request.body = _Counted(request, reader, count)


def unfinished(request: Any) -> bool:
    """Return True if a part of the body is still unread, or could not be read."""
    reader = request.body.reader
    return reader.parser is not None if isinstance(reader, ChunkedReader) else reader.length > 0


def hang_up(client: socket.socket, seconds: float) -> None:
    """Read and discard what a client still sends after its response, until it stops or `seconds` have passed.

    Closing a connection with unread bytes resets it, and the client never sees the response.
    """
    end = time.monotonic() + seconds
    with outside(), suppress(OSError):
        client.shutdown(socket.SHUT_WR)
        client.settimeout(_PATIENCE)
        while client.recv(65536) and time.monotonic() < end:
            pass


def untaken(client: socket.socket) -> bool:
    """Return True if sent bytes are not yet acknowledged by the client's system; False if that is unknown."""
    try:
        return any(fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4)))
    except OSError:
        return False


def readable(client: socket.socket) -> bool:
    """Return True if a client has sent something or has disconnected."""
    poll = select.poll()
    poll.register(client, select.POLLIN)
    return bool(poll.poll(0))


def drop(client: socket.socket) -> None:
    """Reset a connection when it is closed, so that the system discards the bytes that the client has not read."""
    with suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Connection(socket.socket):
    """A client's socket, for which its thread waits outside of the gate."""

    ready = False  # True if the first bytes of a request are there to be read

    def recv(self, size: int, flags: int = 0) -> bytes:
        if self.ready:
            self.ready = False
            return super().recv(size, flags)
        with outside():
            return super().recv(size, flags)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of `data`, waiting outside only where the system's buffer is full: leaving costs two switches."""
        sent = 0
        if self.gettimeout() is not None:  # so that the system does not wait, and Python does not begin with waiting
            with suppress(BlockingIOError):
                sent = os.write(self.fileno(), data)
        if sent < len(data):
            with outside():
                super().sendall(memoryview(data)[sent:], flags)


class Head(Request):
    """A gunicorn request with a limit on its whole head, not only on each line; it may begin with an empty line."""

    def parse(self, unreader: Any) -> Any:
        self.max_buffer_headers = MAX_HEAD
        unreader.mxchunk = _HEAD_PIECE
        _skip_empty_line(unreader)
        try:
            return super().parse(unreader)
        except http.ParseException as error:
            error.path = self.path  # for the format of the error response; None if the request line is malformed
            raise

    def parse_headers(self, data: bytes, from_trailer: bool = False) -> Any:
        """Parse the headers; gunicorn drops names with an underscore, which WSGI cannot tell from a hyphen."""
        return super().parse_headers(_UNDERSCORED.sub(rb"\1-\2", data), from_trailer)


def _skip_empty_line(unreader: Any) -> None:
    """Drop one empty line, which some clients send behind a body. Source: RFC 9112, 2.2."""
    data = unreader.read()
    if data == b"\r":
        data += unreader.read()
    unreader.unread(data.removeprefix(b"\r\n"))


class _Counted(Body):
    """A body that asks for itself if the client waits for that, and reports the number of bytes of each read."""

    def __init__(self, request: Any, reader: Any, count: Callable[[int], None]) -> None:
        super().__init__(reader)
        self._request = request
        self._count = count
        self._waits = request._expected_100_continue  # in gunicorn's hands, each is asked at once
        request._expected_100_continue = False
        self._closes = request.must_close
        request.must_close |= self._waits  # unless asked, it may send a body or not

    def read(self, size: int | None = None) -> bytes:
        if self._waits:
            self._waits = False
            self._request.must_close = self._closes
            self._request.unreader.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        wanted = self.getsize(size)
        data: bytes = super().read(min(wanted, self.buf.tell()))  # what `readline` has left
        data += self.reader.read(wanted - len(data))
        try:
            self._count(len(data))
        except Exception:
            self._request.force_close()
            raise
        return data


class _Length(LengthReader):
    """A reader of a body of known length, whose `length` is what has not been read yet, also where it breaks off."""

    def read(self, size: int) -> bytes:
        left = min(size, self.length)
        pieces = []
        while left > 0 and (piece := self.unreader.read()):
            if len(piece) > left:
                self.unreader.unread(piece[left:])
                piece = piece[:left]
            pieces.append(piece)
            left -= len(piece)
            self.length -= len(piece)
        return b"".join(pieces)


class _Chunks(ChunkedReader):
    """A chunked reader that adds up the announced chunk sizes before reading them: BodyTooLarge over `max_bytes`."""

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
