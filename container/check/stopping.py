"""SIGTERM with requests in flight.

SageMaker sends it where it scales in, updates or deletes, and SIGKILL 30 s later. Requests whose bodies lack their last
byte are in flight for certain: those that are sent at the moment of the signal may not have been accepted.
"""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from container.check import pictures
from container.check.findings import Checks, Skipped, Wrong
from container.check.load import BUSY
from container.check.subject import Process, Subject

STOP_SECONDS = 30.0
_CLIENTS = 4
_CONNECT_SECONDS = 5.0  # for a request to be sent but for its last byte
_UNDER_WAY = 0.7  # seconds from then to the signal, in which the server reads
_SOON = 0.2  # seconds from the signal to the last bytes, and from these to /ping

checks = Checks[Subject]()


@dataclass(frozen=True)
class Stop:
    """What was seen of a SIGTERM."""

    ping: str  # "503", "refused", …
    in_flight: Counter[str]  # requests that were being read: by status, or "lost"
    code: int | None  # None where it cannot be known
    seconds: float | None  # None where the process was still there after STOP_SECONDS


@checks("SIGTERM: /ping says no", "answer /ping with 503, or close the port, from the signal on")
def ping(subject: Subject) -> str:
    stop = measure(subject)
    if stop.ping not in ("503", "refused"):
        raise Wrong(f"/ping {2000 * _SOON:.0f} ms after the signal: {stop.ping}")
    return stop.ping


@checks("SIGTERM: requests in flight", "finish what has been read (gunicorn: graceful_timeout) before you end")
def in_flight(subject: Subject) -> str:
    stop = measure(subject)
    counted = ", ".join(f"{n} × {status}" for status, n in sorted(stop.in_flight.items()))
    if set(stop.in_flight) - {"200", *BUSY}:
        raise Wrong(counted)
    return counted


@checks("SIGTERM: gone within 30 s", "run the server as process 1 (exec form, no shell), so that the signal reaches it")
def gone(subject: Subject) -> str:
    stop = measure(subject)
    if stop.seconds is None:
        raise Wrong("still there after 30 s, when SageMaker sends SIGKILL")
    return f"{stop.seconds:.1f} s"


@checks("SIGTERM: exit code 0", "end on SIGTERM as after any other good day")
def code(subject: Subject) -> str:
    stop = measure(subject)
    if stop.seconds is None:
        raise Skipped("it did not end")
    if stop.code is None:
        raise Skipped("only its parent learns the exit code of a process")
    if stop.code:
        raise Wrong(f"exit code {stop.code}")
    return ""


@lru_cache(maxsize=1)
def measure(subject: Subject) -> Stop:
    """Stop the server, once for all checks of it."""
    process = subject.process
    assert process is not None, "a server that may not be stopped"
    under_way, finish = threading.Semaphore(0), threading.Event()
    with ThreadPoolExecutor(_CLIENTS) as pool:
        clients = [pool.submit(_send, subject, under_way, finish) for _ in range(_CLIENTS)]
        try:
            for _ in clients:
                under_way.acquire(timeout=_CONNECT_SECONDS)
            time.sleep(_UNDER_WAY)
            signalled = time.monotonic()
            process.terminate()
            time.sleep(_SOON)
        finally:
            finish.set()
        time.sleep(_SOON)
        said = _ping(subject)
        code, seconds = _wait(process, signalled)
    return Stop(said, Counter(client.result() for client in clients), code, seconds)


def _send(subject: Subject, under_way: threading.Semaphore, finish: threading.Event) -> str:
    """Send one invocation, its last byte once `finish` is set; return its status, or "lost"."""
    body = pictures.jpeg()

    def pieces() -> Iterator[bytes]:
        yield body[:-1]
        under_way.release()
        finish.wait()
        yield body[-1:]

    headers = {"Content-Type": "image/jpeg", "Content-Length": str(len(body))}
    try:
        return str(subject.client.request("POST", "/invocations", pieces(), headers).status)
    except (OSError, http.client.HTTPException):
        return "lost"


def _ping(subject: Subject) -> str:
    try:
        return str(subject.client.ping().status)
    except TimeoutError:
        return "no answer"
    except (OSError, http.client.HTTPException):
        return "refused"


def _wait(process: Process, signalled: float) -> tuple[int | None, float | None]:
    try:
        code = process.exit_code(STOP_SECONDS - (time.monotonic() - signalled))
    except TimeoutError:
        return None, None
    return code, time.monotonic() - signalled
