"""Loading, leasing and failing."""

import threading
import time

import numpy as np
import pytest

from container.engines._dispatch import Dispatcher
from container.errors import ModelError, ModelNotFound, ModelNotReady
from container.models.repository import Model, Repository
from container.structures import Options
from tests.fakes import FakeEngine


def ready() -> Model:
    engine = FakeEngine()
    return Model(engine, Dispatcher(engine.predict, 2))


def failing(error: Exception) -> Model:
    raise error


def test_loading_then_ready() -> None:
    repository, go = Repository(), threading.Event()
    repository.load("m", lambda: ready() if go.wait(5) else failing(AssertionError()))
    assert repository.state("m") == ("loading", "")
    with pytest.raises(ModelNotReady, match="still being loaded"), repository.lease("m"):
        pass
    go.set()
    repository.wait("m", 5)
    assert repository.state("m") == ("ready", "")
    with repository.lease("m") as model:
        assert model.name == "fake"
    repository.close()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ModelError("no weights here"), "no weights here"),
        (RuntimeError("/secret/path exploded"), r"cannot be loaded \(RuntimeError\)"),
    ],
)
def test_a_failed_load_says_why_and_leaks_nothing(error: Exception, reason: str) -> None:
    repository = Repository()
    repository.load("m", lambda: failing(error))
    repository.wait("m", 5)
    state, text = repository.state("m")
    assert state == "failed" and "secret" not in text
    with pytest.raises(ModelNotReady, match=reason), repository.lease("m"):
        pass


def test_a_failed_load_leaves_other_models_alone() -> None:
    repository = Repository()
    repository.load("good", ready)
    repository.load("bad", lambda: failing(ModelError("cut short")))
    for key in ("good", "bad"):
        repository.wait(key, 5)
    assert [repository.state(key)[0] for key in ("good", "bad")] == ["ready", "failed"]
    with repository.lease("good") as model:
        assert model.dispatcher.predict(np.zeros((4, 4, 3), np.uint8), Options(), time.monotonic() + 5)
    repository.close()


def test_an_unknown_model_lists_the_known() -> None:
    repository = Repository()
    repository.load("m", ready)
    repository.wait("m", 5)
    with pytest.raises(ModelNotFound, match="'x' is loaded; loaded: m"), repository.lease("x"):
        pass
    repository.close()
