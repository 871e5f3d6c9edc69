"""The start: the port opens early, /ping says 503 until the model is there, and 200 is the truth.

Source: docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html, "respond to health check requests".
"""

import http.client
import time

from container.check import pictures
from container.check.client import Client
from container.check.findings import Checks, Skipped, Wrong
from container.check.subject import Process, Start, Subject

CONNECT_SECONDS = 0.25  # within which a socket has to be accepted
_PAUSE = 0.1

checks = Checks[Subject]()


def watch(client: Client, process: Process, seconds: float) -> Start:
    """Ask /ping until it is 200, the process is gone, or `seconds` have passed."""
    begun = time.monotonic()
    seen: list[str] = []
    slowest = 0.0
    while seen[-1:] != ["200"]:
        if not process.running() or time.monotonic() - begun > seconds:
            return Start(None, tuple(seen), slowest, None)
        try:
            slowest = max(slowest, client.connect(seconds=2))
            said = str(client.ping().status)
        except TimeoutError:
            said = "no answer"
        except (OSError, http.client.HTTPException):
            said = "refused"
        if seen[-1:] != [said]:
            seen.append(said)
        time.sleep(_PAUSE)
    ready = time.monotonic() - begun
    return Start(ready, tuple(seen), slowest, client.invoke(pictures.jpeg()))


@checks("start: /ping becomes 200", "see the server's log; with a large model raise the endpoint's start-up timeout")
def ready(subject: Subject) -> str:
    start = _start(subject)
    if start.ready is None:
        raise Wrong(f"never ready; /ping: {', '.join(start.seen) or 'not asked'}; {start.end}".rstrip("; "))
    return f"{start.ready:.1f} s ({' '.join(start.seen)})"


@checks("start: 503 until ready", "answer /ping with 503 while the model loads, and with nothing else")
def loading(subject: Subject) -> str:
    start = _start(subject)
    others = set(start.seen) - {"refused", "503", "200"}
    if others:
        raise Wrong(f"/ping while loading: {', '.join(sorted(others))}")
    return " ".join(start.seen)


@checks("start: connect within 250 ms", "open the port first and load the model in the background")
def connect(subject: Subject) -> str:
    slowest = _start(subject).slowest_connect
    if slowest > CONNECT_SECONDS:
        raise Wrong(f"a connection took {1000 * slowest:.0f} ms")
    return f"{1000 * slowest:.0f} ms"


@checks("start: ready means ready", "answer /ping with 200 only when the model is loaded and has run once")
def truthful(subject: Subject) -> str:
    first = _start(subject).first
    if first is None:
        raise Skipped("it was never ready")
    if first.status != 200:
        raise Wrong(f"the first invocation after the first 200: {first}")
    return f"first answer in {1000 * first.seconds:.0f} ms"


def _start(subject: Subject) -> Start:
    assert subject.start is not None, "a server that ran before has no start to judge"
    return subject.start
