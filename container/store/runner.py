"""The thread that works on jobs: a step of each in turn, so that a large one keeps no small one waiting."""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from typing import Any

from container import background
from container.errors import ServingError, Unavailable
from container.store.database import new_id, now
from container.store.jobs import COMPLETED, ERRORED, Lease, LeaseLost, claim
from container.store.store import Store

log = logging.getLogger("maskserve.store")

# Does one step (`lease.step()`) before each yield; returns the job's message.
Work = Callable[[Lease], Generator[None, None, dict[str, Any]]]

AT_ONCE = 4  # jobs that take turns
LOOK_SECONDS = 1.0  # between two looks for jobs that another process has left
PAUSE_SECONDS = 5.0  # after the store could not be written
SWEEP_SECONDS = 3600.0  # between two looks for files that nobody needs
REST = 0.2  # times what a step took, between two steps: other threads and processes write, too


class Runner:
    """Works on the jobs of a store in a thread, beside those of other processes."""

    def __init__(
        self,
        store: Store,
        works: Mapping[str, Work],
        at_once: int = AT_ONCE,
        rest: Callable[[float], float] | None = None,
    ) -> None:
        """`works` has the work of each type of job, `rest` the seconds between two steps by those of the first one."""
        self._store = store
        self._works = works
        self._at_once = at_once
        self._rest = rest or _rest
        self._owner = f"{os.getpid()}-{new_id('runner')}"[:40]
        self._wake = threading.Event()
        self._ending = False
        self._swept = time.monotonic()
        self._active: deque[tuple[Lease, Generator[None, None, dict[str, Any]]]] = deque()
        self._thread = threading.Thread(target=self._run, name="store-jobs", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Look for new jobs at once."""
        self._wake.set()

    def close(self) -> None:
        """End after the current step, and leave the jobs to others."""
        self._ending = True
        self._wake.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._ending:
            try:
                self._take()
                begun = time.monotonic()
                busy = self._step()
                self._sweep()
            except Unavailable as error:  # the disk is full, or the database is locked: what it holds is safe
                log.warning("jobs wait: %s", error.message)
                self._active.clear()  # their leases end
                self._wait(PAUSE_SECONDS)
            except Exception:
                log.exception("jobs wait: their store failed")
                self._active.clear()
                self._wait(PAUSE_SECONDS)
            else:
                self._wait(self._rest(time.monotonic() - begun) if busy else LOOK_SECONDS)
        for lease, _ in self._active:
            try:
                lease.release()
            except (LeaseLost, ServingError) as error:
                log.info("a job's lease runs out by itself: %s", error)

    def _wait(self, seconds: float) -> None:
        if self._wake.wait(seconds) and not self._ending:
            self._wake.clear()

    def _take(self) -> None:
        while len(self._active) < self._at_once:
            lease = claim(self._store, self._owner, list(self._works))
            if lease is None:
                return
            self._active.append((lease, self._works[lease.job.type](lease)))

    def _step(self) -> bool:
        """Do a step of the next job; return False if there is none."""
        if not self._active:
            return False
        lease, work = self._active.popleft()
        try:
            next(work)
            self._active.append((lease, work))
        except StopIteration as end:
            self._finish(lease, COMPLETED, end.value)
        except LeaseLost:
            log.info("job %s is done by another process", lease.job.id)
        except Unavailable:
            raise
        except ServingError as error:
            self._finish(lease, ERRORED, {"error": error.message})
        except Exception:
            log.exception("job %s failed", lease.job.id)
            self._finish(lease, ERRORED, {"error": "the server failed on this job; its log says why"})
        return True

    def _finish(self, lease: Lease, status: str, message: dict[str, Any]) -> None:
        try:
            lease.finish(status, message)
        except LeaseLost:
            log.info("job %s is done by another process", lease.job.id)
            return
        if file := lease.job.parameters.get("file"):
            self._store.uploads.remove(file)

    def _sweep(self) -> None:
        if time.monotonic() - self._swept > SWEEP_SECONDS:
            self._swept = time.monotonic()
            with self._store.write() as connection:
                self._store.uploads.sweep(connection, now())
                self._store.blobs.sweep(connection, now())


def _rest(worked: float) -> float:
    """Return the seconds between two steps of jobs: longer while a model computes."""
    return (background.RATIO if background.wanted_elsewhere() else REST) * worked
