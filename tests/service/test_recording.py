"""The recorder: newest answers, runs by weights, a bounded memory, a store that does not answer, an end."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from container import background
from container.engines.queue import Dispatcher
from container.models.loading import Model
from container.service import drifting, recording
from container.service.pipeline import RequestContext
from container.store import annotations, database, datasets, recorded, runs
from container.store import store as module
from container.store.annotations import TRUTH
from container.structures import Image, Result
from container.structures.masks import Masks
from container.telemetry import metrics
from tests.conftest import encode
from tests.fakes import FakeEngine
from tests.service import recorders
from tests.service.recorders import DATASET, Recorded
from tests.store.conftest import row

PNG = encode(np.full((30, 40, 3), 128, np.uint8))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Recorded]:
    with recorders.recorded(tmp_path / "store") as one:
        yield one


def lost(reason: str) -> float:
    return float(metrics.UNRECORDED.labels(reason)._value.get())


def found(served: Recorded) -> dict[str, int]:
    """How many predictions each item has."""
    (of_run,) = served.found().values()
    return {name: len(rows) for name, rows in of_run.items()}


@contextmanager
def locked(served: Recorded) -> Iterator[None]:
    """Another process writes for a long time."""
    other = sqlite3.connect(served.store.folder / "store.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


def test_the_newest_answer_of_a_reference_stays(served: Recorded) -> None:
    served.invoke(PNG, "a")
    served.invoke(PNG, "b", confidence=0.9)
    served.settle()
    assert found(served) == {"a": 4, "b": 2}
    served.invoke(PNG, "a", confidence=0.9)
    served.invoke(PNG, "b", confidence=1)
    served.invoke(PNG, "b")
    assert found(served) == {"a": 2, "b": 4}


def test_an_answer_without_objects_is_an_item(served: Recorded) -> None:
    served.invoke(PNG, "empty", confidence=1)
    assert found(served) == {"empty": 0}


def test_other_weights_are_another_run(served: Recorded) -> None:
    engine = FakeEngine()
    image = Image(np.zeros((30, 40, 3), np.uint8))
    result = Result(image, engine._instances(image.pixels, engine.spec.options), "fake")
    for weights in ("0123456789abcdef", "fedcba9876543210", "0123456789abcdef"):
        model = Model(engine, Dispatcher(engine.predict, 1), weights)
        served.recorder.record(RequestContext(1, id=weights), model, [result])
        model.dispatcher.close()
    assert {name: [*filter(of_run.get, of_run)] for name, of_run in served.found().items()} == {
        "fake 0123456789ab": ["0123456789abcdef"],
        "fake fedcba987654": ["fedcba9876543210"],
    }


def test_what_was_deleted_is_made_anew(served: Recorded) -> None:
    served.invoke(PNG, "a")
    served.settle()
    with served.store.write() as c:
        datasets.remove(c, next(one for one in datasets.every(c) if one.name == DATASET))
    served.invoke(PNG, "b")
    assert found(served) == {"b": 4}


@pytest.mark.parametrize(("bound", "value", "reason"), [("WAITING", 2, "queue"), ("HELD", 15_000, "memory")])
def test_what_has_no_room_is_counted(
    served: Recorded, bound: str, value: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two answers of 6.3 KB of masks have room."""
    monkeypatch.setattr(recording, bound, value)
    monkeypatch.setattr(served.recorder, "_is_time", lambda: False)
    before = lost(reason)
    for name in "abcd":
        assert served.invoke(PNG, name)["labels"] == ["horse 100%", "person 53%"]
    assert (served.recorder.waiting, lost(reason) - before) == (2, 2)
    monkeypatch.undo()


def test_answers_wait_while_a_model_computes(served: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "wanted_elsewhere", lambda: True)
    served.invoke(PNG, "a")
    time.sleep(0.2)
    assert served.recorder.waiting == 1
    monkeypatch.setattr(recording, "LATEST_SECONDS", 0.0)  # but not for ever
    assert found(served) == {"a": 4}


def test_a_locked_store_costs_no_answer(served: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCKED_SECONDS", 0.1)
    with locked(served):
        begun = time.monotonic()
        for name in "abc":
            served.invoke(PNG, name)
        assert time.monotonic() - begun < 5
        time.sleep(0.3)
        assert served.recorder.waiting == 3
    assert found(served) == {"a": 4, "b": 4, "c": 4}


def test_a_full_disk_costs_no_answer(served: Recorded) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FREE_BYTES", 1 << 60)
        served.invoke(PNG, "a")
        time.sleep(0.2)
        assert served.recorder.waiting == 1
    assert found(served) == {"a": 4}


def test_what_fails_is_counted_and_others_go_on(served: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lost("error")
    with monkeypatch.context() as patch:
        patch.setattr(recorded, "write", lambda *_: 1 / 0)
        served.invoke(PNG, "a")
        served.settle()
    with monkeypatch.context() as patch:
        patch.setattr(Masks, "outline", lambda *_: 1 / 0)
        served.client.post("/invocations?reference_id=b", data=PNG)
        served.settle()
    served.invoke(PNG, "c")
    assert found(served) == {"c": 4}
    assert lost("error") - before == 2


def test_the_end_writes_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with recorders.recorded(tmp_path / "store") as served:
        monkeypatch.setattr(background, "wanted_elsewhere", lambda: True)
        for name in "abc":
            served.invoke(PNG, name)
        served.recorder.close()
        assert found(served) == {"a": 4, "b": 4, "c": 4}
        before = lost("ending")
        served.invoke(PNG, "d")
        assert lost("ending") - before == 1


def test_the_end_does_not_wait_for_a_locked_store(
    served: Recorded, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "LOCKED_SECONDS", 0.3)
    monkeypatch.setattr(recording, "CLOSE_SECONDS", 0.2)
    with locked(served):
        served.invoke(PNG, "a")
        begun = time.monotonic()
        served.recorder.close()
        assert time.monotonic() - begun < 1
        assert "1 answers are not recorded" in caplog.text


def test_the_oldest_go_first(tmp_path: Path) -> None:
    """Each picture has four predictions, and there may be ten."""
    with recorders.recorded(tmp_path / "store", most=10) as served:
        for name in "ab":
            served.invoke(PNG, name)
        served.settle()
        with served.store.write() as c:  # the truth of one, which stays
            (one,) = datasets.every(c)
            annotations.add(c, TRUTH, one.key, [row("b", "t")], replace=False)
        for name in "cdef":
            served.invoke(PNG, name)
            served.settle()
        end = time.monotonic() + 5
        while found(served) != {"b": 0, "e": 4, "f": 4}:
            assert time.monotonic() < end, found(served)
            time.sleep(0.02)


def test_requests_at_once_are_all_recorded(served: Recorded) -> None:
    threads = [threading.Thread(target=served.invoke, args=(PNG, f"{i}")) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found(served) == {f"{i}": 4 for i in range(8)}


def series(name: str) -> dict[str, float]:
    """The values of a gauge by model."""
    there = metrics.SCORE_DRIFT if name == "score" else metrics.CLASS_DRIFT
    return {labels[0]: one._value.get() for labels, one in there._metrics.items()}


@pytest.mark.parametrize(("least_score", "alarms"), [(0.5, False), (0.9, True)])
def test_drift_from_a_baseline(
    tmp_path: Path, least_score: float, alarms: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The baseline is what was recorded before: a horse and a person in each picture; then only horses may come."""
    monkeypatch.setattr(drifting, "LEAST", 40)
    metrics.SCORE_DRIFT.clear()
    with recorders.recorded(tmp_path / "store") as served:
        for number in range(40):
            served.invoke(PNG, f"before {number}")
        served.settle()
        with served.store.read() as c:
            (run,) = runs.of_dataset(c, datasets.every(c)[0].key)
    assert not series("score")
    with recorders.recorded(tmp_path / "store", baseline=run.id) as served:
        for number in range(45):
            served.invoke(PNG, f"after {number}", confidence=least_score)
        served.settle()
        assert {name: one > 0.25 for name, one in series("score").items()} == {"fake": alarms}
        assert {name: one > 0.25 for name, one in series("class").items()} == {"fake": alarms}
        assert "maskserve_class_drift{" in served.client.get("/metrics").text


def test_a_baseline_that_is_not_there_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with recorders.recorded(tmp_path / "store", baseline="run_x") as served:
        served.invoke(PNG, "a")
        assert found(served) == {"a": 4}
        end = time.monotonic() + 5
        while "compared with nothing" not in caplog.text:
            assert time.monotonic() < end
            time.sleep(0.01)
