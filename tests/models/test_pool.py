"""The pool: loading, leasing, unloading and failing."""

import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from container.engines.queue import Dispatcher
from container.errors import InsufficientMemory, ModelAlreadyLoaded, ModelError, ModelNotFound, ModelNotReady
from container.models.budget import RESERVE
from container.models.loading import Model, Reserve
from container.models.policies import Policy
from container.models.pool import ModelPool
from container.structures import ImageQuery
from tests.fakes import SPEC, FakeEngine, Made

Make = Callable[[], Model]


class Manual(Policy):
    """Loads nothing at the start but what it is told to."""

    def __init__(self, first: Callable[[], object] = lambda: None) -> None:
        self.first = first
        self.changes: list[list[str]] = []  # the keys that could be leased after each change

    def check(self) -> None: ...

    def start(self) -> None:
        self.first()

    def key(self, target: str | None) -> str:
        return str(target)

    def changed(self) -> None:
        self.changes.append([slot.key for slot in self.pool.list() if slot.state == "ready"])


class Calls(Made):
    """Takes what makes a model in place of where it lies."""

    def load(self, source: Any, reserve: Reserve = lambda spec: None) -> Model:
        reserve(SPEC)
        return source()

    def give_back(self) -> None:
        """Nothing: a collection of garbage takes longer than what is tested here."""


class Pool(ModelPool):
    """A pool that has started, with models made by callables."""

    def __init__(self, policy: Manual | None = None, patience: float = 0.0) -> None:
        super().__init__(policy or Manual(), Calls(ready), patience)
        if policy is None:
            self.start()
            self.settle()

    def add(self, key: str, make: Make) -> None:
        self.load(key, make)  # type: ignore[arg-type]  # see Calls


def ready() -> Model:
    engine = FakeEngine()
    return Model(engine, Dispatcher(engine.predict, 16))


def failing(error: Exception) -> Model:
    raise error


def test_loading_then_ready() -> None:
    go = threading.Event()
    pool = Pool(Manual(lambda: pool.add("m", lambda: ready() if go.wait(5) else failing(AssertionError()))))
    pool.start()
    assert pool.health() == ("loading", "")
    with pytest.raises(ModelNotReady, match="still being loaded"), pool.lease("m"):
        pass
    go.set()
    assert pool.settle() == pool.health() == ("ready", "")
    with pool.lease("m") as model:
        assert model.name == "fake"
    pool.close()


def test_a_patient_lease_waits_for_the_start() -> None:
    pool = Pool(Manual(lambda: pool.add("m", lambda: time.sleep(0.2) or ready())), patience=5)
    pool.start()
    with pool.lease("m") as model:
        assert model.name == "fake"
    pool.close()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ModelError("no weights here"), "no weights here"),
        (InsufficientMemory("too large"), "too large"),
        (RuntimeError("/secret/path exploded"), r"cannot be loaded \(RuntimeError\)"),
    ],
)
def test_a_failed_start_says_why_and_leaks_nothing(error: Exception, reason: str) -> None:
    pool = Pool(Manual(lambda: pool.add("m", lambda: failing(error))))
    pool.start()
    health, text = pool.settle()
    assert health == "failed" and re.search(reason, text) and "secret" not in text
    with pytest.raises(ModelNotReady, match=reason), pool.lease("m"):
        pass
    assert pool.list() == []


def test_a_failed_load_leaves_other_models_alone() -> None:
    pool = Pool()
    pool.add("good", ready)
    with pytest.raises(ModelError):
        pool.add("bad", lambda: failing(ModelError("cut short")))
    assert [(slot.key, slot.state) for slot in pool.list()] == [("good", "ready")]
    with pool.lease("good") as model:
        assert model.dispatcher.predict([ImageQuery(np.zeros((4, 4, 3), np.uint8))], time.monotonic() + 5)[0]
    pool.close()


def test_what_the_list_says() -> None:
    pool = Pool()
    for key in "ab":
        pool.load(key, ready, f"/models/{key}")  # type: ignore[arg-type]  # see Calls
    before = time.monotonic()
    with pool.lease("a"):
        assert [(s.key, s.origin, s.state, s.leases) for s in pool.list()] == [
            ("a", "/models/a", "ready", 1),
            ("b", "/models/b", "ready", 0),
        ]
    a, b = pool.list()
    assert a.cost == b.cost == RESERVE and a.last_used >= before >= b.last_used
    assert a.model is None  # which a copy would keep alive
    pool.close()


def test_the_policy_is_told_what_has_changed() -> None:
    policy = Manual()
    pool, busy = Pool(policy), Busy()
    pool.start()
    pool.settle()
    for key in "ab":
        pool.add(key, ready)
    busy.run(busy.lease, pool, "a")
    assert busy.begun.wait(5)
    busy.run(pool.unload, "a")
    while len(policy.changes) < 3:
        time.sleep(0.01)
    assert policy.changes == [["a"], ["a", "b"], ["b"]]  # while a request has the model still
    busy.end()
    pool.close()


def test_an_idle_model_is_unloaded_and_one_in_use_is_not() -> None:
    pool = Pool()
    pool.add("a", ready)
    with pool.lease("a"):
        assert not pool.unload_idle("a")
    assert pool.unload_idle("a") and not pool.unload_idle("a")
    assert pool.list() == []


def test_an_unknown_model_lists_the_known() -> None:
    pool = Pool()
    pool.add("m", ready)
    with pytest.raises(ModelNotFound, match="'x' is loaded; loaded: m"), pool.lease("x"):
        pass
    pool.close()


class Busy:
    """A load, or a lease, that lasts until it is told to end."""

    def __init__(self) -> None:
        self.begun, self._go = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []

    def load(self) -> Model:
        self.begun.set()
        assert self._go.wait(5)
        return ready()

    def lease(self, pool: Pool, key: str) -> None:
        with pool.lease(key):
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
    pool = Pool()
    pool.add("m", ready)
    with pytest.raises(ModelAlreadyLoaded, match="'m'"):
        pool.add("m", ready)
    with pool.lease("m") as model:
        assert model.name == "fake"
    pool.unload("m")


def test_of_many_loads_at_once_one_wins() -> None:
    pool = Pool()

    def slowly() -> Model:
        time.sleep(0.05)
        return ready()

    def add(_: int) -> str:
        try:
            pool.add("m", slowly)
        except ModelAlreadyLoaded:
            return "refused"
        return "added"

    with ThreadPoolExecutor(16) as threads:
        assert Counter(threads.map(add, range(16))) == {"added": 1, "refused": 15}
    pool.unload("m")


def test_while_one_is_added_others_serve() -> None:
    pool, busy = Pool(), Busy()
    pool.add("old", ready)
    busy.run(pool.add, "new", busy.load)
    assert busy.begun.wait(5)
    with pool.lease("old") as model:
        assert model.dispatcher.predict([ImageQuery(np.zeros((4, 4, 3), np.uint8))], time.monotonic() + 5)[0]
    with pytest.raises(ModelNotFound), pool.lease("new"):
        pass
    with pytest.raises(ModelAlreadyLoaded):
        pool.add("new", ready)
    busy.end()
    assert pool.holds("new")
    pool.close()


def test_a_model_that_cannot_be_added_leaves_nothing() -> None:
    pool = Pool()
    for _ in range(2):  # the name is free again
        with pytest.raises(ModelError, match="cut short"):
            pool.add("m", lambda: failing(ModelError("cut short")))
    with pytest.raises(ModelNotFound), pool.lease("m"):
        pass
    assert not pool.holds("m")


def test_who_waits_for_a_model_gets_the_reason_why_it_cannot_be_added() -> None:
    pool, begun, end = Pool(), threading.Event(), threading.Event()

    def fail() -> Model:
        begun.set()
        end.wait(5)
        raise ModelError("cut short")

    with ThreadPoolExecutor(5) as threads:
        first = threads.submit(pool.add, "m", fail)
        assert begun.wait(5)
        waiting = [threads.submit(pool.holds, "m") for _ in range(4)]
        time.sleep(0.2)
        end.set()
        for answer in (first, *waiting):
            with pytest.raises(ModelError, match="cut short"):
                answer.result(5)
    assert not pool.holds("m")


def test_unloading_waits_for_requests_and_takes_no_more() -> None:
    pool, busy = Pool(), Busy()
    pool.add("m", ready)
    with pool.lease("m") as model:
        dispatcher = model.dispatcher
    busy.run(busy.lease, pool, "m")
    assert busy.begun.wait(5)
    unloading = busy.run(pool.unload, "m")
    unloading.join(0.1)
    assert unloading.is_alive() and dispatcher._thread.is_alive()
    with pytest.raises(ModelNotFound), pool.lease("m"):
        pass
    with pytest.raises(ModelNotFound):
        pool.unload("m")
    with pytest.raises(ModelAlreadyLoaded):
        pool.add("m", ready)
    busy.end()
    assert not dispatcher._thread.is_alive()
    pool.add("m", ready)
    pool.unload("m")


def test_a_model_that_hangs_while_it_is_unloaded_is_seen() -> None:
    pool, busy = Pool(), Busy()
    engine = FakeEngine(seconds=0.5)
    pool.add("m", lambda: Model(engine, Dispatcher(engine.predict, 2)))

    def predict() -> None:
        with pool.lease("m") as model:
            busy.begun.set()
            model.dispatcher.predict([ImageQuery(np.zeros((4, 4, 3), np.uint8))], time.monotonic() + 5)

    busy.run(predict)
    assert busy.begun.wait(5)
    busy.run(pool.unload, "m")
    time.sleep(0.2)
    assert pool.broken(0.05) == "model m: one prediction has taken more than 0.05 s"
    busy.end()
    assert not pool.broken(0.05)


def test_races_end_in_one_of_the_known_ways() -> None:
    """16 threads, 500 times each, over three names."""
    pool = Pool()
    picture = np.zeros((4, 4, 3), np.uint8)

    def work(seed: int) -> Counter[str]:
        outcomes = Counter[str]()
        chance = random.Random(seed)
        for _ in range(500):
            key, action = chance.choice("abc"), chance.choice(("add", "unload", "predict"))
            try:
                if action == "add":
                    pool.add(key, ready)
                elif action == "unload":
                    pool.unload(key)
                else:
                    with pool.lease(key) as model:
                        model.dispatcher.predict([ImageQuery(picture)], time.monotonic() + 30)
                outcomes[action] += 1
            except (ModelNotFound, ModelAlreadyLoaded) as error:
                outcomes[type(error).__name__] += 1
        return outcomes

    with ThreadPoolExecutor(16) as threads:
        outcomes = sum(threads.map(work, range(16), timeout=60), Counter[str]())
    assert outcomes.total() == 16 * 500
    assert set(outcomes) == {"add", "unload", "predict", "ModelNotFound", "ModelAlreadyLoaded"}
    assert outcomes["add"] - outcomes["unload"] == sum(map(pool.holds, "abc"))
    pool.close()


def test_what_is_unloaded_at_the_moment_it_is_added_is_gone() -> None:
    """Where the key was freed a step after the model was there, 2 of 100 of these failed."""

    def unload(pool: Pool) -> None:
        while True:
            try:
                return pool.unload("a")
            except ModelNotFound:
                pass

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        pool = Pool()
        with ThreadPoolExecutor(1) as threads:
            for _ in range(500):
                unloaded = threads.submit(unload, pool)
                pool.add("a", ready)
                unloaded.result(timeout=10)
                assert not pool.holds("a")
    finally:
        sys.setswitchinterval(interval)
