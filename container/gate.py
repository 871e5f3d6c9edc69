"""A limit on how many threads compute at once; a thread is outside while it waits for anything else.

Hundreds of threads that want Python's interpreter keep it from the one that accepts connections: with 400 busy clients
a new one waited for 3.4 to 9 s for the answer of /ping.

    with gate:  # as a thread of the server does around each request
        with outside():  # as whatever waits does: for a client, the model, memory or a network
            answer = future.result()
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Self

_inside = threading.local()


class Gate:
    """A gate of so many `places`; a thread is let in when one is free, in the order of asking."""

    def __init__(self, places: int) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(places):
            self._free.put(None)
        self._places = places
        self._outside = 0
        self._counting = threading.Lock()

    @property
    def useful(self) -> int:
        """How many threads are of use: those that wait outside, and twice as many as there are places."""
        return self._outside + 2 * self._places

    def __enter__(self) -> Self:
        self._free.get()
        _inside.gate = self
        return self

    def __exit__(self, *_: object) -> None:
        _inside.gate = None
        self._free.put(None)

    def count(self, more: int) -> None:
        """Count threads that wait outside."""
        with self._counting:
            self._outside += more


@contextmanager
def outside() -> Iterator[None]:
    """Give the place of this thread to others during the block, if it has one.

    No lock may be held at its end, where the thread waits for a place that the lock's next holder may have.
    """
    gate: Gate | None = getattr(_inside, "gate", None)
    if gate is None:
        yield
        return
    gate.__exit__()
    gate.count(1)
    try:
        yield
    finally:
        gate.count(-1)
        gate.__enter__()
