"""Models by id: found, loaded when asked for, evicted, removed, and loaded again."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from container.engines.queue import Dispatcher
from container.errors import (
    BadModel,
)
from container.models.loading import Loader, Model, Placement, Reserve
from container.models.policies import Policy, Row
from container.models.policies.catalogue import Catalogue
from container.models.pool import ModelPool
from container.models.store import Store
from container.structures import ImageQuery, ModelSpec
from tests.fakes import LABELS, SPEC, FakeEngine

QUERY = ImageQuery(np.zeros((4, 4, 3), np.uint8))
MB = 1 << 20


class Loads(Loader):
    """Makes a model of what lies in a folder or archive: its name is the text of the file, "broken" cannot be loaded.

    `room` is the number of models for which there is memory; a load waits while `go` is not set.
    """

    def __init__(self, room: float = float("inf"), seconds: float = 0.0) -> None:
        super().__init__(Placement())
        self.room = room
        self.seconds = seconds
        self.go = threading.Event()
        self.go.set()
        self.loads: Counter[str] = Counter()
        self.most = self.there = 0
        self._lock = threading.Lock()

    def prepare(self) -> tuple[str, Callable[[], int]]:
        """Each model takes 320 MB, as what it has in weights hardly counts."""
        return "torch", lambda: 1 << 50 if self.room == float("inf") else int((self.room - self.there) * 330 * MB)

    def load(self, source: Path | ModelSpec, reserve: Reserve = lambda spec: None) -> Model:
        spec = source if isinstance(source, ModelSpec) else self._spec(source)
        self.loads[spec.name] += 1
        reserve(spec)
        assert self.go.wait(20)
        time.sleep(self.seconds)
        if spec.name == "broken":
            raise BadModel("its weights are cut short")
        with self._lock:
            self.there += 1
            self.most = max(self.most, self.there)
        engine = FakeEngine(spec)
        return Gone(engine, Dispatcher(engine.predict, 16), self)

    def _spec(self, source: Path) -> ModelSpec:
        file = source / "model.json" if source.is_dir() else source
        return ModelSpec(file.read_text().strip(), "fake_net", "NONE", LABELS)

    def gone(self) -> None:
        with self._lock:
            self.there -= 1

    def give_back(self) -> None:
        """Nothing: a collection of garbage takes longer than what is tested here."""


class Gone(Model):
    """A model that tells when its memory is free again."""

    def __init__(self, engine: FakeEngine, dispatcher: Dispatcher, loads: Loads) -> None:
        super().__init__(engine, dispatcher)
        close = dispatcher.close
        dispatcher.close = lambda: (close(), loads.gone())  # type: ignore[method-assign]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store."""
    root = tmp_path / "store"
    root.mkdir()
    return root


def put(root: Path, *ids: str, text: str = "") -> None:
    """Put models into the store: those that end with a slash as folders. A model's name in answers is its id."""
    for name in ids:
        file = root / name / "model.json" if name.endswith("/") else root / f"{name}.tar.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text or name.strip("/"))


Start = Callable[..., Catalogue]


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    """Start a pool with a catalogue of the store."""
    pools: list[ModelPool] = []

    def started(loader: Loader | None = None, places: int = 8, store: bool = True, **settings: object) -> Catalogue:
        policy = Catalogue(SPEC, Store(root) if store else None, places, **settings)  # type: ignore[arg-type]
        pools.append(ModelPool(policy, loader or Loads()))
        pools[-1].start()
        assert pools[-1].settle() == ("ready", "")
        return policy

    yield started
    for pool in pools:
        pool.close()


def ask(policy: Policy, name: str) -> str:
    """The name of the model that answers."""
    with policy.pool.lease(policy.by_id(name).key) as model:
        model.dispatcher.predict([QUERY], time.monotonic() + 5)
        return model.name


def rows(policy: Policy) -> list[str]:
    return [row.id for row in policy.rows()]


def test_the_served_model_has_two_ids_and_one_row(start: Start) -> None:
    policy = start(store=False)
    assert policy.rows() == [Row("fake/1", "fake", "instance segmentation", 320 * MB)]
    assert policy.by_id("fake") == policy.by_id("fake/1") == ("model", 0.0)
    assert rows(policy) == ["fake", "fake/1"]


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("p/1", "p/1"),
        ("p/2", "p/2"),
        ("n", "n"),
        ("n/1", "n"),
        ("f", "f"),
        ("f/1", "f"),
        ("own", "own"),
        ("own/1", "own/1"),
        ("model", "model"),
        ("model/1", "model"),
        ("fake", "fake"),
        ("fake/1", "fake"),
        ("fake/2", "fake/2"),
        ("Äpfel & Birnen/v 1.5", "Äpfel & Birnen/v 1.5"),
        ("alias", "p/2"),
        ("alias/7", "fake"),
    ],
)
def test_what_an_id_means(name: str, answers: str, start: Start, root: Path) -> None:
    put(root, "p/1", "p/2/", "n", "f/", "own", "own/1", "model", "fake", "fake/1", "fake/2", "Äpfel & Birnen/v 1.5")
    policy = start(aliases={"alias": "p/2", "alias/7": "fake/1"})
    assert ask(policy, name) == answers
    assert name in rows(policy)
    assert policy.pool.is_ready("model")


def test_a_model_is_loaded_once_and_told_how_long_that_took(start: Start, root: Path) -> None:
    put(root, "p/1")
    policy = start(loader := Loads(seconds=0.1))
    assert policy.by_id("p/1").load_seconds >= 0.1
    assert policy.by_id("p/1").load_seconds == 0.0
    assert ask(policy, "p/1") == "p/1" and loader.loads == {"fake": 1, "p/1": 1}
