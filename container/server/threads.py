"""Threads, where memory ends."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

BEGIN_SECONDS = 1.0  # of one that begins: under a millisecond, tens of them under load
AGAIN_SECONDS = 1.0  # after none could be had
T = TypeVar("T")
_NONE = "can't start new thread"  # what the standard library says where the system gives none

_limbo: Any = vars(threading)["_limbo"]  # begun by start, not yet by themselves
_start = threading.Thread.start


class _Begun(threading.Event):
    """What Thread.start waits for."""

    def wait(self, timeout: float | None = None) -> bool:
        # Twice: where something has held the interpreter for a second, both wait for it, and we may get it first.
        if not super().wait(BEGIN_SECONDS) and not super().wait(BEGIN_SECONDS / 10):
            raise RuntimeError(f"{_NONE}: it did not begin")
        return True


def start(thread: threading.Thread) -> None:
    """Start a thread; RuntimeError where none can be had, and where it has not begun within a second.

    One that has no memory to begin with ends unseen, and Thread.start waits for it for ever:
    https://github.com/python/cpython/issues/140746.
    """
    attributes: dict[str, Any] = vars(thread)
    if not attributes["_started"].is_set():
        attributes["_started"] = _Begun()
    try:
        _start(thread)
    except RuntimeError:
        _limbo.pop(thread, None)
        raise


def never_wait_for_ever() -> None:
    """Have every thread of this process started by `start`, those of libraries too."""
    threading.Thread.start = start  # type: ignore[assignment]  # there is no other way into ThreadPoolExecutor


class Threads(ThreadPoolExecutor):
    """Up to so many threads, as far as there is memory: where no other begins those that there are do the work.

    ThreadPoolExecutor takes the work that they do instead for idle threads and starts no others ever after, and it
    counts threads that have ended for want of memory.
    """

    def __init__(self, max_workers: int) -> None:
        super().__init__(max_workers)
        self._lock = threading.Lock()
        self._unfinished = 0
        self._again = 0.0

    def submit(self, function: Callable[..., T], /, *arguments: Any, **options: Any) -> Future[T]:
        """As ThreadPoolExecutor's."""
        with self._lock:
            self._unfinished += 1
        future = super().submit(function, *arguments, **options)
        future.add_done_callback(self._finish)
        return future

    def _finish(self, _: Future[Any]) -> None:
        with self._lock:
            self._unfinished -= 1

    def catch_up(self) -> None:
        """Start the threads that are wanting; for when work may be waiting for one that could not be had."""
        self._threads: set[threading.Thread] = {thread for thread in self._threads if thread.is_alive()}
        while len(self._threads) < min(self._unfinished, self._max_workers):
            if self._threads and time.monotonic() < self._again:
                return
            self._idle_semaphore = threading.Semaphore(0)
            try:
                super()._adjust_thread_count()
            except RuntimeError:
                self._again = time.monotonic() + AGAIN_SECONDS
                return

    def _adjust_thread_count(self) -> None:
        self.catch_up()
