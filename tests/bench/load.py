"""Closed-loop clients, and somebody who asks /ping all the while."""

import json
import statistics
import threading
import time
from dataclasses import dataclass

import numpy as np
import requests

from tests.bench.servers import Server

PING_EVERY = 0.05  # seconds


@dataclass
class Crowd:
    """What several clients at once saw."""

    per_second: float
    cpu_ms: float  # of the server, a request
    ping_p50: float  # ms
    ping_p99: float
    ping_max: float


def latencies(servers: list[Server], kind: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of single requests by server, one after the other in turn, after one that does not count."""
    sessions = {server.name: requests.Session() for server in servers}
    found: dict[str, list[float]] = {server.name: [] for server in servers}
    for round_ in range(rounds + 1):
        for server in servers:
            milliseconds, _ = server.ask(kind, sessions[server.name])
            if round_:
                found[server.name].append(milliseconds)
    return found


def crowd(server: Server, kind: str, clients: int, seconds: float) -> Crowd:
    """Let `clients` ask as fast as they are answered."""
    end = time.monotonic() + seconds
    finished: list[float] = []
    pings: list[float] = []

    def client() -> None:
        session = requests.Session()
        while time.monotonic() < end:
            server.ask(kind, session)
            finished.append(time.monotonic())

    def pinger() -> None:
        while time.monotonic() < end:
            pings.append(server.ping(timeout=120) or float("inf"))
            time.sleep(PING_EVERY)

    cpu, begun = server.cpu_seconds(), time.monotonic()
    threads = [threading.Thread(target=client) for _ in range(clients)] + [threading.Thread(target=pinger)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = max(finished) - begun
    percentiles = np.percentile(pings, (50, 99, 100)).tolist()
    return Crowd(len(finished) / took, 1000 * (server.cpu_seconds() - cpu) / len(finished), *percentiles)


def check_alike(servers: list[Server]) -> int:
    """The number of detections; AssertionError where the servers find other things, or elsewhere."""
    answers = {server.name: json.loads(server.ask("json", requests.Session())[1]) for server in servers}
    expected = answers[servers[0].name]
    for name, answer in answers.items():
        names = [[caption.rsplit(" ", 1)[0] for caption in one["labels"]] for one in (expected, answer)]
        assert sorted(names[0]) == sorted(names[1]), (name, names)
        boxes = [np.array(sorted(one["boxes"])).reshape(-1, 4) for one in (expected, answer)]
        assert boxes[0].shape == boxes[1].shape and np.abs(boxes[0] - boxes[1]).max(initial=0) <= 1.0, name
    return len(expected["labels"])


def spread(values: list[float]) -> str:
    """Median and the range around it."""
    return f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"
