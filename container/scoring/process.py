"""A process of scoring/child.py, and what is asked of it."""

import json
import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from container.errors import BadRequest, NotFound, ServingError, Unavailable, Unprocessable
from container.store.places import Place

MEMORY = 4 << 30  # bytes of address space; 360,000 objects take a tenth of it
IDLE_SECONDS = 60  # without a request, after which a process ends: it holds the arrays of an evaluation
ADDRESS = "STORE_ADDRESS"  # variable of a process with the address of the store's database
PART_SECONDS = 300  # of computing, for one part of the items or for one question
# Isolated from the environment and from the working folder.
_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from container.scoring.child import main; main(*sys.argv[2:])"
_ROOT = Path(__file__).parent.parent.parent


class Ended(Unprocessable):
    """The process has ended before its answer."""


class Frame(NamedTuple):
    """A piece of an answer."""

    head: dict[str, Any]
    payloads: list[bytes]


class Children:
    """Processes that compare; one that has nothing to do waits for the next one who needs it, which saves 0.5 s."""

    def __init__(self, place: Place) -> None:
        """`place` of the store."""
        self._place = place
        self._idle: SimpleQueue[Child] = SimpleQueue()

    @contextmanager
    def one(self) -> Iterator["Child"]:
        """Give a process; it is ended if what is done with it is not brought to its end."""
        child = self._waiting() or Child(self._place)
        try:
            yield child
        finally:
            if child.busy or not self._idle.empty():
                child.close()
            else:
                self._idle.put(child)

    def close(self) -> None:
        """End the processes that wait."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    def _waiting(self) -> "Child | None":
        with suppress(Empty):
            child = self._idle.get_nowait()
            with suppress(ServingError):  # it has ended a moment ago
                if next(child.ask({}, wait=1.0)) is not None:
                    child.busy = False
                    return child
            child.close()
        return None


class Child:
    """A process that compares, at the lowest priority."""

    def __init__(self, place: Place) -> None:
        """`place` of the store."""
        # One malloc arena and one thread: each takes 64 MB of address space.
        environ = {**os.environ, "MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        environ[ADDRESS] = place.database  # which holds a password: other users see arguments
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _CODE, str(_ROOT), place.files, place.local_s3],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # a signal to the server's group is not for it
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self.pid = self._process.pid
        self.busy = False  # with an answer that nobody has read to its end

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()

    def ask(self, request: dict[str, Any], wait: float) -> Iterator[Frame | None]:
        """Yield the frames of an answer, and None whenever there has been none for `wait` seconds.

        Raises ServingError with what the process says, and Ended if it ends before.
        """
        self.busy = True
        try:
            self._in.write(json.dumps(request).encode() + b"\n")
        except OSError:
            raise self._ended() from None
        ready = select.poll()
        ready.register(self._out, select.POLLIN)
        while True:
            if not ready.poll(1000 * wait):
                yield None
                continue
            frame = self._read()
            self.busy = "end" not in frame.head
            if "error" in frame.head:
                raise _ERRORS.get(frame.head["status"], Unprocessable)(frame.head["error"])
            yield frame
            if not self.busy:
                return

    def _read(self) -> Frame:
        (size,) = struct.unpack(">I", self._exactly(4))
        head = json.loads(self._exactly(size))
        return Frame(head, [self._exactly(one) for one in head["sizes"]])

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            some = self._out.read(min(size - len(data), 1 << 20))
            if not some:
                raise self._ended()
            data += some
        return bytes(data)

    def _ended(self) -> "Ended":
        code = self._process.wait()
        if code == -signal.SIGXCPU:
            return Ended(f"a part of this takes over {PART_SECONDS} s of computing")
        return Ended(f"the process that computed this was ended ({code}): it may have taken too much memory")


_ERRORS: dict[int, type[ServingError]] = {one.status: one for one in (BadRequest, NotFound, Unavailable)}
