"""Faults of a multi-model endpoint: the real gunicorn and application, models that wait."""

import json
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.conftest import Server
from tests.faults.conftest import Figure
from tests.faults.crowd import LOST, ask
from tests.faults.test_faults import TRAPPED, StartSlow, replaced, workers

pytestmark = pytest.mark.alone


@pytest.fixture
def start(start_slow_server: StartSlow) -> Callable[..., Server]:
    """Start a multi-model endpoint with folders of three models, and of one that cannot be loaded."""

    def started(seconds: float = 0.0, **environ: str) -> Server:
        server = start_slow_server(seconds, SAGEMAKER_MULTI_MODEL="true", **environ)
        for name in ("a", "b", "c", "bad"):
            (server.log.parent / "models" / name).mkdir(parents=True)
        server.wait()
        return server

    return started


def load(server: Server, name: str) -> int:
    body = json.dumps({"model_name": name, "url": str(server.log.parent / "models" / name)}).encode()
    return ask(server, body, path="/models")[0]


def unload(server: Server, name: str) -> int:
    return ask(server, None, method="DELETE", path=f"/models/{name}")[0]


def invoke(server: Server, name: str, body: bytes) -> int:
    return ask(server, body, path=f"/models/{name}/invoke")[0]


def kill(server: Server) -> None:
    workers(server)[0].send_signal(signal.SIGKILL)


def trap(server: Server) -> None:
    assert invoke(server, "b", TRAPPED) in (503, 504)


@pytest.mark.parametrize(
    ("harm", "environ"),
    [
        pytest.param(kill, {}, id="killed"),
        pytest.param(trap, {"MASKSERVE_TEST_TRAP": "stall", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "2"}, id="stalled"),
    ],
)
def test_another_worker_has_the_models_of_the_one_before(
    harm: Callable[[Server], None],
    environ: dict[str, str],
    start: Callable[..., Server],
    small_png: bytes,
    figure: Figure,
) -> None:
    """Until it has, nobody is told that a model is not there."""
    server = start(MASKSERVE_TEST_LOAD="0.4", **environ)
    assert [load(server, name) for name in "abc"] == [200] * 3
    assert unload(server, "c") == 200
    before, statuses, stop = workers(server)[0].pid, Counter[int](), threading.Event()

    def client() -> None:
        while not stop.is_set():
            statuses[invoke(server, "a", small_png)] += 1

    asking = threading.Thread(target=client)
    asking.start()
    harm(server)
    back = replaced(server, before, 30)
    assert [invoke(server, name, small_png) for name in "abc"] == [200, 200, 404]
    stop.set()
    asking.join()
    figure(f"two models were there again {back:.1f} s later; meanwhile {dict(statuses)}")
    assert set(statuses) <= {200, 503, 504, LOST}
    assert server.stop() == 0


def test_a_bad_model_and_a_slow_one_cost_the_others_nothing(start: Callable[..., Server], small_png: bytes) -> None:
    server = start(MASKSERVE_TEST_LOAD="0.5")
    assert load(server, "a") == 200
    with ThreadPoolExecutor(2) as pool:
        loads = [pool.submit(load, server, name) for name in ("bad", "b")]
        statuses = Counter[int]()
        while not all(one.done() for one in loads):
            statuses[invoke(server, "a", small_png)] += 1
    assert [one.result() for one in loads] == [400, 200]
    assert set(statuses) == {200} and statuses[200] > 5
    assert server.stop() == 0


def test_a7_races_are_answered_by_the_contract(start: Callable[..., Server], small_png: bytes, figure: Figure) -> None:
    server = start(0.01)

    def work(seed: int) -> Counter[int]:
        chance, statuses = random.Random(seed), Counter[int]()
        for _ in range(25):
            name = chance.choice("abc")
            action = chance.choice((load, unload, lambda *of: invoke(*of, small_png)))
            statuses[action(server, name)] += 1
        return statuses

    with ThreadPoolExecutor(16) as pool:
        statuses = sum(pool.map(work, range(16)), Counter[int]())
    figure(f"{dict(sorted(statuses.items()))}")
    assert statuses.total() == 16 * 25 and set(statuses) == {200, 404, 409}
    assert server.ping() == 200
    assert server.stop() == 0


def test_one_process_has_the_models_and_leaves_nothing(start: Callable[..., Server], tmp_path: Path) -> None:
    server = start(SAGEMAKER_MODEL_SERVER_WORKERS="4", TMPDIR=str(tmp_path))
    assert load(server, "a") == 200
    assert len(psutil.Process(server.process.pid).children()) == 1
    assert "where models are loaded on demand there is one process; 4 were asked for" in server.log.read_text()
    assert server.stop() == 0
    assert list(tmp_path.iterdir()) == []
