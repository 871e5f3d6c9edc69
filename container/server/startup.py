"""How loading the model went, told by the workers to each other and to gunicorn's master, which ends the server where
it went wrong.

Left alone, gunicorn starts another worker for one that is gone, and that one fails as well, for ever.
"""

import mmap
import os
import signal
import threading
import time
from typing import Any

# Workers that may be killed in a row before one has a model: by the system, for memory, or by a fault in a library.
DEATHS = 5
# Of a worker without a model: who is slow to send a request, which would be refused, is not waited for.
GRACE_SECONDS = 5
_MAX_WORKERS = 1000
_READY, _STOPPING, _WORKERS, _REASON, _SIZE = 0, 1, 2, 2 + _MAX_WORKERS, 4096  # places in the memory


class Startup:
    """How it stands, in memory that the master makes and the workers share."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE)
        self._deaths = 0

    def watch(self, worker: Any, services: Any) -> None:
        """In a worker: have the master stop the server when this worker's model cannot be loaded."""
        threading.Thread(target=self._watch, args=(worker, services), name="load watch", daemon=True).start()

    def _watch(self, worker: Any, services: Any) -> None:
        state, reason = services.settle()
        if state == "ready":
            self._memory[_READY] = 1
            self._memory[_place(worker)] = 1
        elif not services.draining.is_set():
            self._fail(reason, worker.ppid)
            time.sleep(GRACE_SECONDS)
            os._exit(1)

    def stopping(self) -> None:
        """In a worker that ends because it was asked to."""
        self._memory[_STOPPING] = 1

    def elsewhere(self, worker: Any) -> bool:
        """Whether other workers have the model, and this one does not yet."""
        return any(self._memory[_WORKERS:_REASON]) and not self._memory[_place(worker)]

    def died(self, worker: Any) -> None:
        """In the master: a worker is gone. Too many without a model, and the server stops."""
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
        os.kill(master, signal.SIGTERM)  # in order: other workers finish what they are answering

    @property
    def failure(self) -> str:
        """In one line, why the model cannot be loaded; empty while nothing is wrong."""
        return self._memory[_REASON:].rstrip(b"\0").decode(errors="ignore")


def _place(worker: Any) -> int:
    return _WORKERS + int(worker.age) % _MAX_WORKERS  # its age is a number that grows with each worker
