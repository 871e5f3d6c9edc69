"""SIGTERM with requests in flight.

SageMaker sends it where it scales in, updates or deletes, and SIGKILL 30 s later.
"""

import http.client
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from container.check import pictures
from container.check.findings import Checks, Skipped, Wrong
from container.check.load import BUSY
from container.check.subject import Process, Subject

STOP_SECONDS = 30.0
_CLIENTS = 4
_UNDER_WAY = 0.7  # seconds of load before the signal
_SOON = 0.4  # seconds after the signal, when /ping is asked

checks = Checks[Subject]()


@dataclass(frozen=True)
class Stop:
    """What was seen of a SIGTERM."""

    ping: str  # "503", "refused", …
    in_flight: Counter[str]  # requests that had been sent and not been answered: by status, or "lost"
    code: int | None  # None where it cannot be known
    seconds: float | None  # None where the process was still there after STOP_SECONDS


@checks("SIGTERM: /ping says no", "answer /ping with 503, or close the port, from the signal on")
def ping(subject: Subject) -> str:
    stop = measure(subject)
    if stop.ping not in ("503", "refused"):
        raise Wrong(f"/ping {1000 * _SOON:.0f} ms after the signal: {stop.ping}")
    return stop.ping


@checks("SIGTERM: requests in flight", "finish what has been read (gunicorn: graceful_timeout) before you end")
def in_flight(subject: Subject) -> str:
    stop = measure(subject)
    counted = ", ".join(f"{n} × {status}" for status, n in sorted(stop.in_flight.items()))
    if not stop.in_flight:
        raise Skipped("it answered too fast for any to be in flight")
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
    body = pictures.jpeg(1536)
    with ThreadPoolExecutor(_CLIENTS) as pool:
        clients = [pool.submit(_send, subject, body) for _ in range(_CLIENTS)]
        time.sleep(_UNDER_WAY)
        signalled = time.monotonic()
        process.terminate()
        time.sleep(_SOON)
        said = _ping(subject)
        code, seconds = _wait(process, signalled)
    sent = [request for client in clients for request in client.result()]
    in_flight = Counter(status for begun, ended, status in sent if begun < signalled < ended)
    return Stop(said, in_flight, code, seconds)


def _send(subject: Subject, body: bytes) -> list[tuple[float, float, str]]:
    """One invocation after another until the server is gone: when each began and ended, and its status."""
    sent: list[tuple[float, float, str]] = []
    until = time.monotonic() + _UNDER_WAY + STOP_SECONDS
    while not (sent and sent[-1][2] == "lost") and time.monotonic() < until:
        begun = time.monotonic()
        try:
            status = str(subject.client.invoke(body).status)
        except (OSError, http.client.HTTPException):
            status = "lost"
        sent.append((begun, time.monotonic(), status))
    return sent


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
