"""Many invocations at once: /ping must not queue behind them, and none of them may be lost."""

import http.client
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from math import inf, isinf
from statistics import median

from container.check import pictures
from container.check.findings import Checks, Wrong
from container.check.subject import Subject

PINGS = 20
ENOUGH = 3  # late pings, after which no more are needed
WORST_SECONDS = 1.0  # half of what SageMaker waits: its machine is not this one
_PAUSE = 0.05
BUSY = ("429", "503")

checks = Checks[Subject]()


@dataclass(frozen=True)
class Load:
    """What was seen while `Subject.concurrency` clients sent one invocation after another."""

    pings: tuple[float, ...]  # seconds; infinite where no 200 came in time
    answers: Counter[str]  # by status, or "lost"
    seconds: float


@checks("/ping under load", "answer /ping in a thread of its own (gunicorn: gthread) that waits for no model")
def ping(subject: Subject) -> str:
    load = measure(subject)
    late = [seconds for seconds in load.pings if seconds > WORST_SECONDS]
    if late:
        worst = "had no answer of 200" if isinf(max(late)) else f"took {max(late):.1f} s"
        raise Wrong(f"{len(late)} of {len(load.pings)} pings were not answered within {WORST_SECONDS:g} s; one {worst}")
    return f"{1000 * median(load.pings):.0f} ms, worst {1000 * max(load.pings):.0f} ms"


@checks("invocations under load", "refuse what is too much with 503 or 429, and lose no connection")
def answered(subject: Subject) -> str:
    load = measure(subject)
    counted = ", ".join(f"{n} × {status}" for status, n in sorted(load.answers.items()))
    if not load.answers["200"] or set(load.answers) - {"200", *BUSY}:
        raise Wrong(f"{subject.concurrency} clients at once: {counted}")
    return f"{subject.concurrency} clients: {load.answers['200'] / load.seconds:.1f}/s ({counted})"


@lru_cache(maxsize=1)
def measure(subject: Subject) -> Load:
    """Put the server under load, once for all checks of it."""
    body, ended, answers = pictures.jpeg(1024), threading.Event(), Counter[str]()

    def send() -> list[str]:
        seen = []
        while not ended.is_set():
            try:
                seen.append(str(subject.client.invoke(body).status))
            except (OSError, http.client.HTTPException):
                seen.append("lost")
            if seen[-1] != "200":
                time.sleep(_PAUSE)  # as a client that backs off
        return seen

    begun = time.monotonic()
    with ThreadPoolExecutor(subject.concurrency) as pool:
        clients = [pool.submit(send) for _ in range(subject.concurrency)]
        try:
            time.sleep(4 * _PAUSE)
            pings: list[float] = []
            while len(pings) < PINGS and sum(seconds > WORST_SECONDS for seconds in pings) < ENOUGH:
                pings.append(_ping(subject))
        finally:
            ended.set()
    for client in clients:
        answers.update(client.result())
    return Load(tuple(pings), answers, time.monotonic() - begun)


def _ping(subject: Subject) -> float:
    time.sleep(_PAUSE)
    begun = time.monotonic()
    try:
        status = subject.client.ping().status
    except (OSError, http.client.HTTPException):
        status = 0
    return time.monotonic() - begun if status == 200 else inf
