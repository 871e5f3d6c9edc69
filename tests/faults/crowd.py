"""Clients that ask all the while, each on a connection of its own, and somebody who looks after /ping."""

import http.client
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

from tests.conftest import Server

PING_EVERY = 1.0  # seconds, the patience of a load balancer
LOST, REFUSED = 0, -1  # instead of a status: sent and never answered; the port was closed


@dataclass
class Crowd:
    """`with` lets them ask; `answers` holds when one came, its status, and how long it took."""

    server: Server
    body: bytes
    clients: int = 16
    answers: list[tuple[float, int, float]] = field(default_factory=list)
    pings: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client) for _ in range(self.clients)]
        self._threads.append(threading.Thread(target=self._pinger))

    def __enter__(self) -> "Crowd":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def count(self, status: int, since: float = 0.0) -> int:
        """How many answers had a status, from a moment of the monotonic clock on."""
        return sum(found == status and at >= since for at, found, _ in self.answers)

    def seconds(self, status: int) -> list[float]:
        """How long the answers of a status took, shortest first."""
        return sorted(took for _, found, took in self.answers if found == status)

    def ask_once(self) -> int:
        """The status of one more answer."""
        begun = time.monotonic()
        status, _ = ask(self.server, self.body)
        self.answers.append((time.monotonic(), status, time.monotonic() - begun))
        return status

    def _client(self) -> None:
        while not self._stop.is_set():
            if self.ask_once() == REFUSED:
                return

    def _pinger(self) -> None:
        while not self._stop.wait(PING_EVERY):
            self.pings.append(self.server.ping())


def ask(
    server: Server,
    body: bytes | None,
    timeout: float = 40,
    method: str = "POST",
    path: str = "/invocations",
    **headers: str,
) -> tuple[int, http.client.HTTPMessage | None]:
    """The status of one answer, or LOST or REFUSED, and its headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    try:
        connection.connect()
    except OSError:
        return REFUSED, None
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status, response.headers
    except (OSError, http.client.HTTPException):
        return LOST, None
    finally:
        connection.close()


def head(length: int) -> bytes:
    """What comes before a picture of so many bytes that is to be answered by one."""
    return f"POST /invocations HTTP/1.1\r\nHost: a\r\nAccept: image/png\r\nContent-Length: {length}\r\n\r\n".encode()


def vanishing(server: Server) -> socket.socket:
    """A connection that ends with a reset when it is closed."""
    client = socket.create_connection(("127.0.0.1", server.port))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return client
