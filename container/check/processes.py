"""Servers on this machine that may be stopped: one that this check starts, and one of a known process id."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from container.check.stopping import STOP_SECONDS

_LAST_LINES = 5


@dataclass(frozen=True)
class Child:
    """A process of our own."""

    process: subprocess.Popen[bytes]
    log: IO[bytes]

    def running(self) -> bool:
        """Whether it is there."""
        return self.process.poll() is None

    def terminate(self) -> None:
        """SIGTERM."""
        self.process.terminate()

    def exit_code(self, seconds: float) -> int | None:
        """Wait for the end."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def last_words(self) -> str:
        """The end of its log, in one line."""
        lines = Path(self.log.name).read_text(errors="replace").splitlines()
        return " | ".join(lines[-_LAST_LINES:])


@dataclass(frozen=True)
class Stranger:
    """A process that somebody else started; its exit code is its parent's to know."""

    pid: int

    def running(self) -> bool:
        """Whether it is there."""
        return not self._gone(0)

    def terminate(self) -> None:
        """SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)

    def exit_code(self, seconds: float) -> int | None:
        """Wait for the end."""
        if not self._gone(seconds):
            raise TimeoutError
        return None

    def _gone(self, seconds: float) -> bool:
        # Unlike signal 0, this tells a process that has ended and was not waited for from one that lives.
        try:
            watched = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            return bool(select.select([watched], [], [], max(0.0, seconds))[0])
        finally:
            os.close(watched)


def stranger_of(pid: int) -> Stranger:
    """The process `pid`; ValueError where there is none, or no way to see it end."""
    if not hasattr(os, "pidfd_open"):
        raise ValueError("a process can be watched on Linux only")
    stranger = Stranger(pid)
    if not stranger.running():
        raise ValueError(f"there is no process {pid}")
    return stranger


@contextmanager
def serving(environ: Mapping[str, str]) -> Iterator[tuple[Child, str]]:
    """`python -m container serve` with the settings of `environ`, on a port of the system's choice; and its address."""
    port = free_port()
    settings = {**environ, "SAGEMAKER_BIND_TO_PORT": str(port), "MASKSERVE_HOST": "127.0.0.1"}
    with tempfile.NamedTemporaryFile(prefix="maskserve-check-") as log:
        command = [sys.executable, "-m", "container", "serve"]
        process = subprocess.Popen(command, env=settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield Child(process, log), f"http://127.0.0.1:{port}"
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(STOP_SECONDS + 5)


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
