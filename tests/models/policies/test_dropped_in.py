"""A policy that is written into a folder loads, evicts and refuses models, over HTTP."""

import http.client
import json
import re
import sys
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Server, encode

EVICTING = """
from container.models.policies import Policy


class Evicting(Policy):
    greeting = "and loads what is asked for."

    def __init__(self, root):
        self.root = root

    def check(self):
        pass

    def start(self):
        pass

    def key(self, target):
        if not self.pool.holds(target):
            self.pool.load(target, self.root / target)
        return target

    def make_room(self, key, missing):
        ready = [slot for slot in self.pool.list() if slot.state == "ready"]
        return any(self.pool.unload_idle(slot.key) for slot in sorted(ready, key=lambda slot: slot.last_used)[:1])
"""
# There is room for two models; each has a cost of 320 MB and the weights' bytes.
START = """
import os, sys
from pathlib import Path
from container.models import policies
policies.__path__.append(sys.argv[1])
from container.models.policies.evicting import Evicting
from container.server.application import Application
from container.settings import Settings
from tests.fakes import FakeLoader, policy_services


class Loader(FakeLoader):
    def prepare(self):
        return "torch", lambda: (2 - self.alive) * 340_000_000


def create(settings, record):
    return policy_services(Evicting(Path(sys.argv[1])), Loader(seconds=float(sys.argv[2])))


Application(Settings.from_environ(os.environ), create).run()
"""
PNG = encode(np.full((30, 40, 3), 128, np.uint8))


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path, start_server: Callable[..., Server]) -> Server:
    """Its predictions take as many seconds as the test says."""
    (tmp_path / "evicting.py").write_text(EVICTING)
    for name in "abc":
        (tmp_path / name).mkdir()
    server = start_server(*(sys.executable, "-c", START, str(tmp_path), str(request.param)))
    server.wait()
    return server


def ask(server: Server, target: str) -> tuple[int, str]:
    """The status, and the name of the model that answers or the code of the error."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", "/invocations", PNG, {"X-Amzn-SageMaker-Target-Model": target})
    with connection.getresponse() as response:
        facts, body = response.headers["X-Amzn-SageMaker-Custom-Attributes"], json.loads(response.read())
    connection.close()
    return response.status, json.loads(facts)["model"] if facts else body["error"]["code"]


def gauge(server: Server, name: str) -> int:
    with urllib.request.urlopen(server.url + "/metrics") as response:
        (value,) = re.findall(rf"^maskserve_{name} (\d+)", response.read().decode(), re.MULTILINE)
    return int(value)


@pytest.mark.parametrize("server", [0], indirect=True)
def test_the_model_used_longest_ago_gives_way(server: Server) -> None:
    assert gauge(server, "models_loaded") == 0
    for target in "abacab":
        assert ask(server, target) == (200, target)
        assert gauge(server, "models_loaded") <= 2
    assert gauge(server, "models_loaded") == 2


@pytest.mark.parametrize("server", [3], indirect=True)
def test_models_with_requests_in_flight_stay(server: Server) -> None:
    for target in "ab":
        assert ask(server, target) == (200, target)
    with ThreadPoolExecutor(2) as threads:
        in_flight = [threads.submit(ask, server, target) for target in "ab"]
        while not all(answer.done() for answer in in_flight) and gauge(server, "requests_in_flight") < 3:
            time.sleep(0.05)  # until there are two, and the one that asks
        assert ask(server, "c") == (507, "insufficient_memory")
        assert [answer.result() for answer in in_flight] == [(200, "a"), (200, "b")]
    assert ask(server, "c") == (200, "c") and gauge(server, "models_loaded") == 2
