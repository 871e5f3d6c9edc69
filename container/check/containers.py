"""Containers of the image that is checked: started, asked from inside, stopped, removed."""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from container.check.container_engine import Engine
from container.check.findings import Skipped

_PAUSE = 0.5
# Without a network only what is inside can ask: the first of these that the image has. {} is the port.
_ASK = (
    ("python3", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', {}, timeout=2); "
     "c.request('GET', '/ping'); print(c.getresponse().status)"),
    ("curl", "-s", "-o", "/dev/null", "-m", "2", "-w", "%{{http_code}}", "http://127.0.0.1:{}/ping"),
    ("wget", "-q", "-T", "2", "-O", "/dev/null", "http://127.0.0.1:{}/ping"),
)  # fmt: skip
_NO_SUCH_COMMAND = (126, 127)  # exit codes of `docker exec`


@dataclass(frozen=True)
class Image:
    """An image, and what its containers need to run at all."""

    engine: Engine
    name: str
    options: tuple[str, ...] = ()  # `docker run` options: environment, model data


@dataclass(frozen=True)
class Container:
    """One container, running or not."""

    engine: Engine
    name: str

    def running(self) -> bool:
        """Whether it is there."""
        return self.engine.text("inspect", "--format", "{{.State.Running}}", self.name) == "true"

    def terminate(self) -> None:
        """SIGTERM to process 1."""
        self.engine("kill", "--signal", "TERM", self.name)

    def exit_code(self, seconds: float) -> int | None:
        """Wait for the end."""
        try:
            return int(self.engine("wait", self.name, timeout=seconds).stdout)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def last_words(self) -> str:
        """The end of its log, in one line."""
        done = self.engine("logs", "--tail", "5", self.name, check=False)
        return " | ".join((done.stdout + done.stderr).decode(errors="replace").splitlines())

    def ready(self, port: int, seconds: float) -> bool:
        """Wait for a 200 of /ping, asked from inside; False where the container ended or time is up."""
        until = time.monotonic() + seconds
        while self.running() and time.monotonic() < until:
            if self._ping(port):
                return True
            time.sleep(_PAUSE)
        return False

    def _ping(self, port: int) -> bool:
        for command in _ASK:
            done = self.engine("exec", self.name, *(word.format(port) for word in command), check=False)
            if done.returncode not in _NO_SUCH_COMMAND:
                return done.returncode == 0 and done.stdout.strip() in (b"200", b"")
        raise Skipped("the image has neither python3, curl nor wget to ask /ping with from inside")


@contextmanager
def running(image: Image, options: Sequence[str] = ()) -> Iterator[Container]:
    """`docker run IMAGE serve`, as SageMaker does; removed in any case."""
    name = f"maskserve-check-{os.getpid()}-{time.monotonic_ns()}"
    try:
        image.engine("run", "-d", "--name", name, *image.options, *options, image.name, "serve")
        yield Container(image.engine, name)
    finally:
        image.engine("rm", "-f", name, check=False)
