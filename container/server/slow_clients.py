"""Tracks in-flight requests, and sheds the slowest clients when threads, sockets or memory run low."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from container.errors import Overloaded
from container.gate import outside
from container.server import framing

GRACE_SECONDS = 0.5  # of a request, during which its client never counts as slow
ROOM_SECONDS = 2 * GRACE_SECONDS  # for which a body waits for memory; those that have it are past their grace then
_PAUSE_SECONDS = 0.1  # between two looks at whether there is room


@dataclass
class Exchange:
    """One request on a connection, from its first byte to the end of its response."""

    begun: float = field(default_factory=time.monotonic)
    request: Any = None  # gunicorn's request, once its head has been parsed
    cut: bool = False  # reading has been shut down
    given_up: bool = False
    limits: Any = None  # the BodyLimits of its path, once the path is known
    received: int = 0  # bytes of its body read so far
    held: int = 0  # of those, the bytes in memory
    waiting: bool = False  # for memory, which is no fault of its client
    answered: bool = False  # bytes read from then on are discarded

    @property
    def sending(self) -> bool:
        """True while more of the request is to be read."""
        return not self.cut and (self.request is None or framing.unfinished(self.request))


class Exchanges:
    """The exchanges of a process by connection, oldest first; thread-safe."""

    def __init__(self, read_seconds: float, max_held: int) -> None:
        """`read_seconds` limits the reading of one request, `max_held` the bytes of all bodies in memory."""
        self._exchanges: dict[Any, Exchange] = {}
        self._read_seconds = read_seconds
        self._max_held = max_held
        self._held = 0
        self._counting = threading.Lock()

    def __len__(self) -> int:
        return len(self._exchanges)

    def __getitem__(self, conn: Any) -> Exchange:
        return self._exchanges[conn]

    def begin(self, conn: Any) -> None:
        """Start an exchange on a connection."""
        self._exchanges[conn] = Exchange()

    def answered(self, exchange: Exchange) -> None:
        """Mark the response as written, and no longer count the body as held."""
        exchange.answered = True
        with self._counting:
            self._held -= exchange.held
            exchange.held = 0

    def end(self, conn: Any) -> None:
        """Remove the exchange of a connection, whatever its outcome."""
        self.answered(self._exchanges.pop(conn))

    def count(self, exchange: Exchange, size: int) -> None:
        """Count `size` bytes of a body; over `max_held` shed the slowest clients.

        Without any wait for room: bodies that came together are all in their grace. Raise Overloaded where none comes.
        """
        exchange.received += size
        if exchange.answered or not size or (exchange.limits and not exchange.limits.in_memory):
            return
        with self._counting:
            exchange.held += size
            self._held += size
        if self._make_room():
            return
        exchange.waiting = True
        try:
            end = time.monotonic() + ROOM_SECONDS
            while time.monotonic() < end:
                with outside():
                    time.sleep(_PAUSE_SECONDS)
                if self._make_room():
                    return
        finally:
            exchange.waiting = False
        raise Overloaded("the memory for bodies is taken by other requests")

    def _make_room(self) -> bool:
        """Shed the slowest clients until the held bodies fit; False if they still do not."""
        if not self._too_much():
            return True
        for slow in self._slow():
            _give_way(*slow)
            if not self._too_much():
                return True
        return False

    def give_way(self, count: int) -> None:
        """Shed the slowest `count` clients; those already being shed count towards it."""
        if count > 0:
            leaving = sum(exchange.given_up for exchange in list(self._exchanges.values()))
            for slow in islice(self._slow(), max(0, count - leaving)):
                _give_way(*slow)

    def end_late(self, deadline_seconds: float) -> None:
        """Stop reading requests past their deadline, and close connections whose client has not read the response.

        A request may be read for the seconds of its limits; its connection is closed after that, twice `read_seconds`
        and `deadline_seconds` together.
        """
        now = time.monotonic()
        for conn, exchange in list(self._exchanges.items()):
            read_seconds = exchange.limits.seconds_for(exchange.received) if exchange.limits else self._read_seconds
            max_seconds = read_seconds + 2 * self._read_seconds + deadline_seconds
            if now - exchange.begun > max_seconds and framing.untaken(conn.sock):
                _give_up(conn)
            elif now - exchange.begun > read_seconds and not exchange.cut:
                _cut(conn, exchange)

    def _slow(self) -> Iterator[tuple[Any, Exchange]]:
        """Yield the exchanges whose clients are still sending, or do not read their response, the slowest first."""
        now = time.monotonic()
        for conn, exchange in list(self._exchanges.items()):
            if now - exchange.begun < GRACE_SECONDS:
                return
            if exchange.given_up or exchange.waiting:
                continue
            if exchange.sending or framing.untaken(conn.sock):
                yield conn, exchange

    def _too_much(self) -> bool:
        """Return True if the held bodies exceed `max_held`, not counting exchanges that are already being shed."""
        if self._held <= self._max_held:
            return False
        return (
            self._held - sum(exchange.held for exchange in list(self._exchanges.values()) if exchange.given_up)
            > self._max_held
        )


def _give_way(conn: Any, exchange: Exchange) -> None:
    exchange.given_up = True
    if exchange.sending:
        _cut(conn, exchange)
    else:
        _give_up(conn)


def _cut(conn: Any, exchange: Exchange) -> None:
    """Shut down reading of a connection: a blocked read returns, and the response can still be written."""
    exchange.cut = True
    with suppress(OSError):  # gone already
        conn.sock.shutdown(socket.SHUT_RD)


def _give_up(conn: Any) -> None:
    """Reset a connection whose client does not read its response."""
    framing.drop(conn.sock)
    with suppress(OSError):  # gone already
        conn.sock.shutdown(socket.SHUT_RDWR)
