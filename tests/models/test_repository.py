"""Loading, leasing and failing."""

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from container.engines.queue import Dispatcher
from container.errors import ModelAlreadyLoaded, ModelError, ModelNotFound, ModelNotReady
from container.models.repository import Model, Repository
from container.structures import Options
from tests.fakes import FakeEngine


def ready() -> Model:
    engine = FakeEngine()
    return Model(engine, Dispatcher(engine.predict, 16))


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
        assert model.dispatcher.predict([np.zeros((4, 4, 3), np.uint8)], Options(), time.monotonic() + 5)[0]
    repository.close()


def test_an_unknown_model_lists_the_known() -> None:
    repository = Repository()
    repository.load("m", ready)
    repository.wait("m", 5)
    with pytest.raises(ModelNotFound, match="'x' is loaded; loaded: m"), repository.lease("x"):
        pass
    repository.close()


class Busy:
    """A load, or a lease, that lasts until it is told to end."""

    def __init__(self) -> None:
        self.begun, self._go = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []

    def load(self) -> Model:
        self.begun.set()
        assert self._go.wait(5)
        return ready()

    def lease(self, repository: Repository, key: str) -> None:
        with repository.lease(key):
            self.begun.set()
            assert self._go.wait(5)

    def run(self, work: Callable[..., object], *args: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=args)
        thread.start()
        self._threads.append(thread)
        return thread

    def end(self) -> None:
        self._go.set()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()


def test_a_model_is_added_once() -> None:
    repository = Repository()
    repository.add("m", ready)
    with pytest.raises(ModelAlreadyLoaded, match="'m'"):
        repository.add("m", ready)
    with repository.lease("m") as model:
        assert model.name == "fake"
    repository.unload("m")


def test_of_many_loads_at_once_one_wins() -> None:
    repository = Repository()

    def slowly() -> Model:
        time.sleep(0.05)
        return ready()

    def add(_: int) -> str:
        try:
            repository.add("m", slowly)
        except ModelAlreadyLoaded:
            return "refused"
        return "added"

    with ThreadPoolExecutor(16) as pool:
        assert Counter(pool.map(add, range(16))) == {"added": 1, "refused": 15}
    repository.unload("m")


def test_while_one_is_added_others_serve() -> None:
    repository, busy = Repository(), Busy()
    repository.add("old", ready)
    busy.run(repository.add, "new", busy.load)
    assert busy.begun.wait(5)
    with repository.lease("old") as model:
        assert model.dispatcher.predict([np.zeros((4, 4, 3), np.uint8)], Options(), time.monotonic() + 5)[0]
    with pytest.raises(ModelNotFound), repository.lease("new"):
        pass
    with pytest.raises(ModelAlreadyLoaded):
        repository.add("new", ready)
    busy.end()
    assert repository.holds("new")
    repository.close()


def test_a_model_that_cannot_be_added_leaves_nothing() -> None:
    repository = Repository()
    for _ in range(2):  # the name is free again
        with pytest.raises(ModelError, match="cut short"):
            repository.add("m", lambda: failing(ModelError("cut short")))
    with pytest.raises(ModelNotFound), repository.lease("m"):
        pass
    assert not repository.holds("m")


def test_who_waits_for_a_model_gets_the_reason_why_it_cannot_be_added() -> None:
    repository, begun, end = Repository(), threading.Event(), threading.Event()

    def fail() -> Model:
        begun.set()
        end.wait(5)
        raise ModelError("cut short")

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(repository.add, "m", fail)
        assert begun.wait(5)
        waiting = [pool.submit(repository.holds, "m") for _ in range(4)]
        time.sleep(0.2)
        end.set()
        for answer in (first, *waiting):
            with pytest.raises(ModelError, match="cut short"):
                answer.result(5)
    assert not repository.holds("m")


def test_unloading_waits_for_requests_and_takes_no_more() -> None:
    repository, busy = Repository(), Busy()
    repository.add("m", ready)
    with repository.lease("m") as model:
        dispatcher = model.dispatcher
    busy.run(busy.lease, repository, "m")
    assert busy.begun.wait(5)
    unloading = busy.run(repository.unload, "m")
    unloading.join(0.1)
    assert unloading.is_alive() and dispatcher._thread.is_alive()
    with pytest.raises(ModelNotFound), repository.lease("m"):
        pass
    with pytest.raises(ModelNotFound):
        repository.unload("m")
    with pytest.raises(ModelAlreadyLoaded):
        repository.add("m", ready)
    busy.end()
    assert not dispatcher._thread.is_alive()
    repository.add("m", ready)
    repository.unload("m")


def test_a_model_that_hangs_while_it_is_unloaded_is_seen() -> None:
    repository, busy = Repository(), Busy()
    engine = FakeEngine(seconds=0.5)
    repository.add("m", lambda: Model(engine, Dispatcher(engine.predict, 2)))

    def predict() -> None:
        with repository.lease("m") as model:
            busy.begun.set()
            model.dispatcher.predict([np.zeros((4, 4, 3), np.uint8)], Options(), time.monotonic() + 5)

    busy.run(predict)
    assert busy.begun.wait(5)
    busy.run(repository.unload, "m")
    time.sleep(0.2)
    assert repository.broken(0.05) == "model m: one prediction has taken more than 0.05 s"
    busy.end()
    assert not repository.broken(0.05)


def test_races_end_in_one_of_the_known_ways() -> None:
    """16 threads, 500 times each, over three names."""
    repository = Repository()
    picture = np.zeros((4, 4, 3), np.uint8)

    def work(seed: int) -> Counter[str]:
        outcomes = Counter[str]()
        chance = random.Random(seed)
        for _ in range(500):
            key, action = chance.choice("abc"), chance.choice(("add", "unload", "predict"))
            try:
                if action == "add":
                    repository.add(key, ready)
                elif action == "unload":
                    repository.unload(key)
                else:
                    with repository.lease(key) as model:
                        model.dispatcher.predict([picture], Options(), time.monotonic() + 30)
                outcomes[action] += 1
            except (ModelNotFound, ModelAlreadyLoaded) as error:
                outcomes[type(error).__name__] += 1
        return outcomes

    with ThreadPoolExecutor(16) as pool:
        outcomes = sum(pool.map(work, range(16), timeout=60), Counter[str]())
    assert outcomes.total() == 16 * 500
    assert set(outcomes) == {"add", "unload", "predict", "ModelNotFound", "ModelAlreadyLoaded"}
    assert outcomes["add"] - outcomes["unload"] == sum(map(repository.holds, "abc"))
    repository.close()


def test_what_is_unloaded_at_the_moment_it_is_added_is_gone() -> None:
    """Where the key was freed a step after the model was there, 2 of 100 of these failed."""

    def unload(repository: Repository) -> None:
        while True:
            try:
                return repository.unload("a")
            except ModelNotFound:
                pass

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as pool:
            for _ in range(500):
                repository = Repository()
                unloaded = pool.submit(unload, repository)
                repository.add("a", ready)
                unloaded.result(timeout=10)
                assert not repository.holds("a")
    finally:
        sys.setswitchinterval(interval)
