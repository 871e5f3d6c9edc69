"""Tracks requests that are being read or answered, and sheds the slowest when threads, sockets or memory run low."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from container.errors import Overloaded
from container.server import framing

GRACE_SECONDS = 0.5  # in which nobody is taken for a slow client


@dataclass
class Exchange:
    """One request on a connection, from its first byte to the end of its answer."""

    begun: float = field(default_factory=time.monotonic)
    request: Any = None  # gunicorn's, once its head has been read
    cut: bool = False  # no more is read
    given_up: bool = False
    limits: Any = None  # the BodyLimits of its path, once that is known
    received: int = 0  # bytes of its body
    held: int = 0  # of them, in memory
    answered: bool = False  # what is read from then on is thrown away

    @property
    def sending(self) -> bool:
        """Whether there is more to come of it."""
        return not self.cut and (self.request is None or framing.unfinished(self.request))


class Exchanges:
    """The exchanges of a process by connection, the oldest first; safe to call from any thread."""

    def __init__(self, read_seconds: float, max_held: int) -> None:
        """For how long a request is read, and how many bytes of bodies may be held at once."""
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
        """Somebody has sent something, or will have to."""
        self._exchanges[conn] = Exchange()

    def answered(self, exchange: Exchange) -> None:
        """The answer is written: the body is not held any more."""
        exchange.answered = True
        with self._counting:
            self._held -= exchange.held
            exchange.held = 0

    def end(self, conn: Any) -> None:
        """The exchange is over, whatever came of it."""
        self.answered(self._exchanges.pop(conn))

    def count(self, exchange: Exchange, size: int) -> None:
        """Count what is read of a body; where it is too much, the slowest sender gives way; Overloaded without one."""
        exchange.received += size
        if exchange.answered or not size or (exchange.limits and not exchange.limits.in_memory):
            return
        with self._counting:
            exchange.held += size
            self._held += size
        if not self._too_much():
            return
        for slow in self._slow():
            _give_way(*slow)
            if not self._too_much():
                return
        raise Overloaded("the memory for bodies is taken by other requests")

    def give_way(self, count: int) -> None:
        """Have the slowest `count` end, those included that are about to."""
        if count > 0:
            leaving = sum(exchange.given_up for exchange in list(self._exchanges.values()))
            for slow in islice(self._slow(), max(0, count - leaving)):
                _give_way(*slow)

    def end_late(self, deadline_seconds: float) -> None:
        """Read no more of who has been sending for too long, and give up who has not taken an answer by far."""
        now = time.monotonic()
        for conn, exchange in list(self._exchanges.items()):
            read_seconds = exchange.limits.seconds_for(exchange.received) if exchange.limits else self._read_seconds
            max_seconds = read_seconds + 2 * self._read_seconds + deadline_seconds
            if now - exchange.begun > max_seconds and framing.untaken(conn.sock):
                _give_up(conn)
            elif now - exchange.begun > read_seconds and not exchange.cut:
                _cut(conn, exchange)

    def _slow(self) -> Iterator[tuple[Any, Exchange]]:
        """Whose clients are still sending, or do not take what they are sent: the slowest first."""
        now = time.monotonic()
        for conn, exchange in list(self._exchanges.items()):
            if now - exchange.begun < GRACE_SECONDS:
                return
            if not exchange.given_up and (exchange.sending or framing.untaken(conn.sock)):
                yield conn, exchange

    def _too_much(self) -> bool:
        """Whether bodies take more than they may, those that are about to go left out."""
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
    """Read no more of a connection: a read that waits returns, and the answer can still be written."""
    exchange.cut = True
    with suppress(OSError):  # gone already
        conn.sock.shutdown(socket.SHUT_RD)


def _give_up(conn: Any) -> None:
    """End a connection whose client does not take its answer."""
    framing.drop(conn.sock)
    with suppress(OSError):  # gone already
        conn.sock.shutdown(socket.SHUT_RDWR)
