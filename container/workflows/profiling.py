"""What a run did when, as a trace that Chrome and Perfetto show."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Profile:
    """The events of one run; `events` are those of Chrome's trace format, times in microseconds."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    @contextmanager
    def span(self, name: str, category: str, **args: object) -> Iterator[None]:
        """Record the block as an event that begins (B) and one that ends (E)."""
        self._add("B", name, category, args)
        try:
            yield
        finally:
            self._add("E", name, category, {})

    def _add(self, phase: str, name: str, category: str, args: dict[str, object]) -> None:
        event: dict[str, Any] = {
            "name": name,
            "cat": category,
            "ph": phase,
            "ts": time.monotonic_ns() // 1000,
            "pid": os.getpid(),
            "tid": threading.get_native_id(),
        }
        self.events.append({**event, "args": args} if args else event)
