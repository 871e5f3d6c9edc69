"""Work in the background: it rests while a model computes, and not for ever."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakSet

import pytest

from container import background
from container.background import Rests, wanted_elsewhere
from container.engines.queue import Dispatcher


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other test's models."""
    monkeypatch.setattr(background, "_models", WeakSet())


@contextmanager
def predicting() -> Iterator[None]:
    """A model that computes during the block."""
    entered, end = threading.Event(), threading.Event()

    def predict(queries: object) -> list[None]:
        entered.set()
        assert end.wait(10)
        return [None]

    dispatcher: Dispatcher[None, None] = Dispatcher(predict, 1)
    asking = threading.Thread(target=lambda: dispatcher.predict([None], time.monotonic() + 10))
    asking.start()
    assert entered.wait(5)
    try:
        yield
    finally:
        end.set()
        asking.join()
        ended.append(dispatcher)


ended: list[object] = []  # kept, so that they count for a moment


def work(rows: int) -> float:
    """The seconds that some rows of 3 ms take."""
    begun = time.monotonic()
    for _ in Rests().between(range(rows)):
        time.sleep(0.003)
    return time.monotonic() - begun


def test_work_rests_while_a_model_computes() -> None:
    alone = work(10)
    with predicting():
        beside = work(10)
    assert 0.03 <= alone < 0.1
    assert 0.27 < beside < 0.6  # nine rests of 30 ms


def test_rests_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "MOST_SECONDS", 0.05)
    with predicting():
        assert work(20) < 0.25


def test_a_model_counts_for_a_moment_after_it_has_computed() -> None:
    assert not wanted_elsewhere()
    with predicting():
        assert wanted_elsewhere()
    assert wanted_elsewhere()
    time.sleep(background.RECENT_SECONDS)
    assert not wanted_elsewhere()


def test_short_slices_do_not_rest() -> None:
    with predicting():
        begun = time.monotonic()
        assert list(Rests().between(range(100))) == [*range(100)]
    assert time.monotonic() - begun < 0.02
