"""Download of an image from allowlisted hosts on the public internet only.

Each redirect is checked again: the URL against the list, then every address of its host. The connection goes to the
checked address (no second lookup), while TLS and Host use the name. One deadline covers the whole download; proxies of
the environment are not used. Messages never contain an address.
"""

import functools
import http.client
import io
import queue
import socket
import ssl
import threading
import time
from typing import Any, cast
from urllib.parse import urljoin

from container.errors import BadRequest, setting_name
from container.gate import outside
from container.images.base import Limits
from container.images.remote import addresses
from container.images.remote.url_rules import Target, target

_MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE = 1 << 16  # bytes per read
# Bytes of headers and chunk sizes that a response may have in addition to twice the allowed length of its image.
# http.client limits each line, but neither the number of interim responses nor the extensions of a chunk's size.
_MAX_AROUND = 1 << 20

SocketAddress = tuple[int, Any]  # address family, argument of `connect`


@outside()
def fetch(url: str, limits: Limits) -> bytes:
    """Return the bytes at `url`; BadRequest for any URL, host, response, length or duration that is not allowed."""
    deadline = _Deadline(limits.url_timeout)
    for _ in range(1 + _MAX_REDIRECTS):
        goal = target(url, limits.url_hosts)
        with _connect(goal, deadline) as connection:
            body, location = _answer(connection, goal, deadline, limits.max_body_bytes)
        if location is None:
            return body
        url = _joined(url, location)
    raise BadRequest(f"the URL redirects more than {_MAX_REDIRECTS} times, the most that are allowed")


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left; BadRequest after the deadline."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise self.passed()
        return seconds

    def passed(self) -> BadRequest:
        return BadRequest(
            f"the download took longer than the {self._seconds:g} s allowed ({setting_name('url_timeout')})"
        )


def _resolve(goal: Target, deadline: _Deadline) -> list[SocketAddress]:
    """Look up every address of the host, once; BadRequest if any of them is not public.

    The lookup has no timeout of its own, so it runs in a daemon thread that is abandoned after the deadline.
    """
    answers: queue.SimpleQueue[list[SocketAddress] | None] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(goal.host, goal.port, type=socket.SOCK_STREAM)
            answers.put([(family, address) for family, _, _, _, address in found])
        except (OSError, UnicodeError):
            answers.put(None)

    threading.Thread(target=look_up, name="url-lookup", daemon=True).start()
    try:
        found = answers.get(timeout=deadline.left())
    except queue.Empty:
        raise deadline.passed() from None
    if not found:
        raise BadRequest(f"the host {goal.host!r} of the URL is not known")
    if not all(addresses.is_public(str(address[0])) for _, address in found):
        raise BadRequest(f"the host {goal.host!r} of the URL is not a public one; only those are allowed")
    return found


def _connect(goal: Target, deadline: _Deadline) -> ssl.SSLSocket:
    """Open a TLS connection to the first checked address that responds."""
    for family, address in _resolve(goal, deadline):
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(deadline.left())
            plain.connect(address)
            plain.settimeout(deadline.left())
            return _tls().wrap_socket(plain, server_hostname=goal.host)
        except ssl.SSLCertVerificationError as error:
            plain.close()
            raise BadRequest(f"the host {goal.host!r} of the URL has no valid certificate for its name") from error
        except OSError:
            plain.close()
        except BaseException:
            plain.close()
            raise
    deadline.left()
    raise BadRequest(f"the host {goal.host!r} of the URL cannot be reached")


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _answer(connection: ssl.SSLSocket, goal: Target, deadline: _Deadline, max_bytes: int) -> tuple[bytes, str | None]:
    """Send the request; return the body of a 200, or the location of a redirect."""
    named = f"[{goal.host}]" if ":" in goal.host else goal.host
    request = (
        f"GET {goal.path} HTTP/1.1\r\nHost: {named}\r\nUser-Agent: maskserve\r\nAccept: image/*\r\n"
        "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
    )
    try:
        connection.settimeout(deadline.left())
        connection.sendall(request.encode("ascii"))
        readable = _Readable(connection, deadline, 2 * max_bytes + _MAX_AROUND)
        response = http.client.HTTPResponse(cast(socket.socket, readable), method="GET")
        with response:
            response.begin()
            location = response.getheader("Location")
            if response.status in _REDIRECTS and location is not None:
                return b"", location
            if response.status != 200:
                raise BadRequest(f"the host {goal.host!r} of the URL answered {response.status}; wanted: 200")
            if response.getheader("Content-Encoding", "identity").lower() != "identity":
                raise BadRequest(
                    f"the host {goal.host!r} of the URL answered with a compressed body; wanted: a plain one"
                )
            return _body(response, goal, max_bytes), None
    except TimeoutError as error:
        raise deadline.passed() from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        deadline.left()
        raise BadRequest(f"the host {goal.host!r} of the URL broke off, or did not speak HTTP") from error


def _body(response: http.client.HTTPResponse, goal: Target, max_bytes: int) -> bytes:
    body = bytearray()
    while len(body) <= max_bytes and (response.length or 0) <= max_bytes:
        piece = response.read(min(_PIECE, max_bytes + 1 - len(body)))
        if not piece:
            if response.length:
                raise BadRequest(f"the host {goal.host!r} of the URL broke off, {response.length} bytes before the end")
            return bytes(body)
        body += piece
    raise BadRequest(
        f"the picture behind the URL is longer than {max_bytes} bytes allowed ({setting_name('max_payload_mb')})"
    )


class _Readable(io.RawIOBase):
    """A socket reader for `HTTPResponse`, limited to `max_bytes`; each read may take the time left to the deadline."""

    def __init__(self, connection: ssl.SSLSocket, deadline: _Deadline, max_bytes: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._left = max_bytes

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self, _PIECE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(self._deadline.left())
        count = self._connection.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise BadRequest("the host of the URL sends too much around its picture")
        return count


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise BadRequest("the URL redirects to something that is no URL") from error
