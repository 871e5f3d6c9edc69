"""Starting threads safely when memory runs out."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

BEGIN_SECONDS = 1.0  # for a thread to start: it takes under a millisecond, tens of milliseconds under load
AGAIN_SECONDS = 1.0  # before another try after a thread could not be started
LOOK_SECONDS = 0.1  # between two looks at which threads have ended; one takes 0.1 ms for 400 threads
T = TypeVar("T")
_NONE = "can't start new thread"  # the standard library's message when the system refuses a thread

_limbo: Any = vars(threading)["_limbo"]  # threads that `start` was called on and that do not run yet
_start = threading.Thread.start


class _Begun(threading.Event):
    """The event that Thread.start waits for, with a timeout."""

    def wait(self, timeout: float | None = None) -> bool:
        # Twice: if something has held the GIL for a second, both threads wait for it, and this one may get it first.
        if not super().wait(BEGIN_SECONDS) and not super().wait(BEGIN_SECONDS / 10):
            raise RuntimeError(f"{_NONE}: it did not begin")
        return True


def start(thread: threading.Thread) -> None:
    """Start a thread; raise RuntimeError if the system refuses it, or if it does not run within a second.

    A thread without memory to start ends silently, and Thread.start waits for it for ever:
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
    """Make every thread of this process, including those of libraries, start through `start`."""
    threading.Thread.start = start  # type: ignore[assignment]  # there is no other way into ThreadPoolExecutor


class Threads(ThreadPoolExecutor):
    """A pool of up to `max_workers` threads; if memory allows no new thread, the existing ones do the work.

    In that case ThreadPoolExecutor counts the work done by the existing threads as idle threads and never starts others
    again. It also counts threads that ended because memory ran out.

    `useful` says how many threads are of use now; more would only wait for each other.
    """

    def __init__(self, max_workers: int, useful: Callable[[], int] | None = None) -> None:
        super().__init__(max_workers)
        self._useful = useful or (lambda: max_workers)
        self._lock = threading.Lock()
        self._unfinished = 0
        self._again = 0.0
        self._looked = 0.0

    def submit(self, function: Callable[..., T], /, *arguments: Any, **options: Any) -> Future[T]:
        """Queue a call, as ThreadPoolExecutor does."""
        with self._lock:
            self._unfinished += 1
        return super().submit(self._counted, function, *arguments, **options)

    def _counted(self, function: Callable[..., T], *arguments: Any, **options: Any) -> T:
        try:
            return function(*arguments, **options)
        finally:
            with self._lock:
                self._unfinished -= 1

    @property
    def behind(self) -> bool:
        """True if a call may be queued for which no thread has been started."""
        return len(self._threads) < min(self._unfinished, self._max_workers, self._useful())

    def catch_up(self) -> None:
        """Start the missing threads, for work that may be queued because a thread could not be started or has ended."""
        self._looked = time.monotonic()
        self._threads: set[threading.Thread] = {thread for thread in self._threads if thread.is_alive()}
        self._start_missing()

    def _adjust_thread_count(self) -> None:
        if self._unfinished > 1 or time.monotonic() < self._looked + LOOK_SECONDS:
            self._start_missing()
        else:
            self.catch_up()

    def _start_missing(self) -> None:
        while self.behind:
            if self._threads and time.monotonic() < self._again:
                return
            self._idle_semaphore = threading.Semaphore(0)
            try:
                super()._adjust_thread_count()
            except RuntimeError:
                self._again = time.monotonic() + AGAIN_SECONDS
                return
