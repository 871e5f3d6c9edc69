"""Start-up state shared between the workers and gunicorn's master, which stops the server if the model cannot load.

By default gunicorn replaces a worker that exited; the new one fails in the same way, in an endless loop.
"""

import mmap
import os
import signal
import threading
import time
from typing import Any

# Workers in a row that may die before one has loaded a model: killed by the system for memory, or by a library fault.
DEATHS = 5
# Seconds before a worker without a model exits; slow senders are not waited for, as their requests would be rejected.
GRACE_SECONDS = 5
_MAX_WORKERS = 1000
_READY, _STOPPING, _WORKERS, _REASON, _SIZE = 0, 1, 2, 2 + _MAX_WORKERS, 4096  # offsets in the shared memory


class Startup:
    """The start-up state, in memory that the master allocates and the workers share."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE)
        self._deaths = 0

    def watch(self, worker: Any, services: Any) -> None:
        """Make the master stop the server if this worker's model fails to load; called in a worker."""
        threading.Thread(target=self._watch, args=(worker, services), name="load watch", daemon=True).start()

    def _watch(self, worker: Any, services: Any) -> None:
        state, reason = services.pool.settle()
        if state == "ready":
            self._memory[_READY] = 1
            self._memory[_place(worker)] = 1
        elif not services.draining.is_set():
            self._fail(reason, worker.ppid)
            time.sleep(GRACE_SECONDS)
            os._exit(1)

    def stopping(self) -> None:
        """Record that the server is shutting down; called in a worker that was asked to stop."""
        self._memory[_STOPPING] = 1

    def elsewhere(self, worker: Any) -> bool:
        """Return True if another worker has loaded the model and this one has not yet."""
        return any(self._memory[_WORKERS:_REASON]) and not self._memory[_place(worker)]

    def died(self, worker: Any) -> None:
        """Record that a worker exited; called in the master.

        Stop the server after `DEATHS` exits in a row without a loaded model.
        """
        self._memory[_place(worker)] = 0
        if self._memory[_STOPPING]:
            return
        self._deaths = 1 if self._memory[_READY] else self._deaths + 1
        self._memory[_READY] = 0
        if self._deaths == DEATHS:
            reason = f"{DEATHS} processes in a row ended while they loaded the model; is there memory for it?"
            self._fail(reason, os.getpid())

    def _fail(self, reason: str, master: int) -> None:
        line = "".join(c if c.isprintable() else " " for c in reason).encode()[: _SIZE - _REASON]
        self._memory[_REASON : _REASON + len(line)] = line
        os.kill(master, signal.SIGTERM)  # a graceful stop: other workers finish their in-flight requests

    @property
    def failure(self) -> str:
        """The reason why the model cannot be loaded, in one line; empty if there is none."""
        return self._memory[_REASON:].rstrip(b"\0").decode(errors="ignore")


def _place(worker: Any) -> int:
    return _WORKERS + int(worker.age) % _MAX_WORKERS  # `age` is gunicorn's serial number of the worker
