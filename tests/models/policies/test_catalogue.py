"""Models by id: found, loaded when asked for, evicted, removed, and loaded again."""

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from container.engines.queue import Dispatcher
from container.errors import (
    BadModel,
    Conflict,
    InsufficientMemory,
    ModelBroken,
    ModelError,
    ModelNotFound,
    ModelNotReady,
    ServingError,
)
from container.gate import Gate, outside
from container.models import locate
from container.models.loading import Loader, Model, Placement, Reserve
from container.models.policies import Policy, Row
from container.models.policies.catalogue import Catalogue
from container.models.policies.explicit import Explicit
from container.models.pool import ModelPool
from container.models.store import Store
from container.structures import ImageQuery, ModelSpec
from container.telemetry import metrics
from tests.fakes import LABELS, SPEC, FakeEngine, FakeLoader

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
        with outside():  # as the real one
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
        dispatcher.close = lambda: (close(), loads.gone())


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
        policy = Catalogue(SPEC, Store(root) if store else None, places, **settings)
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


ODD = ("", "..", "../store", "p/", "p/1/2", "a\\b", "p/1\0", ".hidden", "\ud800", "n" * 10_000, "fake/2", "fake/", "x")


@pytest.mark.parametrize("store", [True, False])
@pytest.mark.parametrize("name", ODD, ids=range(len(ODD)))
def test_an_unknown_id_is_named_and_may_be_removed(name: str, store: bool, start: Start, root: Path) -> None:
    put(root, "p/1")
    policy = start(store=store)
    with pytest.raises(ModelNotFound, match="there is no model") as caught:
        policy.by_id(name)
    assert repr(name[:100])[:-1] in caught.value.message and len(caught.value.message) < 300
    assert "MASKSERVE_MODEL_STORE" in caught.value.hint
    policy.remove(name)
    assert rows(policy) == ["fake/1"]


def test_an_alias_of_what_is_not_there_names_both(start: Start) -> None:
    policy = start(aliases={"a/1": "gone/7", "b": "a/1"})
    for name, meant in (("a/1", "gone/7"), ("b", "a/1")):  # an alias is none of another
        reason = re.escape(f"{name!r} stands for {meant!r} (MASKSERVE_MODEL_ALIASES): there is no model {meant!r}")
        with pytest.raises(ModelNotFound, match=reason):
            policy.by_id(name)


def test_a_folder_of_versions_names_them(start: Start, root: Path) -> None:
    put(root, "p/2", "p/10/")
    with pytest.raises(ModelNotFound, match="'p' is a folder of versions: ask for one of them, p/2, p/10$"):
        start().by_id("p")


def test_nothing_is_known_before_the_start(root: Path) -> None:
    policy = Catalogue(SPEC, Store(root))
    pool = ModelPool(policy, loader := Loads())
    loader.go.clear()
    for call in (policy.by_id, policy.remove, lambda _: policy.clear()):
        with pytest.raises(ModelNotReady, match="still starting"):
            call("fake")
    assert policy.rows() == []
    pool.start()
    with pytest.raises(ModelNotReady):
        policy.by_id("fake")
    loader.go.set()
    pool.settle()
    assert policy.by_id("fake").key == "model"
    pool.close()


def test_a_request_waits_for_the_start_where_another_process_has_started(root: Path) -> None:
    policy = Catalogue(SPEC, processes=2)
    pool = ModelPool(policy, Loads(seconds=0.3), patience=5)
    pool.start()
    assert policy.by_id("fake/1") == ("model", 0.0)
    pool.close()


def test_rows_have_the_ids_that_were_asked_for(start: Start, root: Path) -> None:
    put(root, "n", "p/1", "q/1")
    policy = start(aliases={"alias/1": "n"})
    for name in ("q/1", "n/1", "fake", "alias/1", "p/1", "n/1"):
        policy.by_id(name)
    assert rows(policy) == ["fake", "q/1", "n/1", "alias/1", "p/1"]  # in the order of loads
    policy.remove("n")  # by a spelling that nobody has asked for
    assert rows(policy) == ["fake", "q/1", "p/1"]
    policy.by_id("n")
    assert rows(policy) == ["fake", "q/1", "p/1", "n"]


def test_what_is_loaded_again_by_a_lease_has_one_row(start: Start, root: Path) -> None:
    put(root, "n", "p/1")
    policy = start()
    keys = {name: policy.by_id(name).key for name in ("n", "p/1", "fake")}
    policy.clear()
    assert policy.rows() == []
    for name, key in keys.items():
        with policy.pool.lease(key) as model:
            assert model.name == name
    assert rows(policy) == ["n/1", "p/1", "fake/1"]


@pytest.mark.parametrize("name", ["fake", "fake/1", "p/1", "n", "n/1", "alias"])
def test_what_is_removed_is_gone_and_comes_back(name: str, start: Start, root: Path) -> None:
    put(root, "p/1", "n")
    policy = start(loader := Loads(), aliases={"alias": "n"})
    policy.by_id("p/1")
    policy.by_id("n")
    before = loader.there
    policy.remove(name)
    assert loader.there == before - 1 and name not in rows(policy)
    policy.remove(name)
    assert loader.there == before - 1 and policy.pool.health() == ("ready", "")
    assert ask(policy, name) == {"fake/1": "fake", "n/1": "n", "alias": "n"}.get(name, name)
    assert loader.there == before


def test_a_model_without_its_file_is_served_until_it_is_removed(start: Start, root: Path) -> None:
    put(root, "n", "p/1")
    policy = start()
    policy.by_id("n/1")
    policy.by_id("p/1")
    for file in ("n.tar.gz", "p/1.tar.gz"):
        (root / file).unlink()
    assert [ask(policy, name) for name in ("n", "n/1", "p/1")] == ["n", "n", "p/1"]
    policy.remove("n")
    policy.remove("p/1")
    assert rows(policy) == ["fake/1"]
    with pytest.raises(ModelNotFound, match="there is no model 'n'"):
        policy.by_id("n")
    with pytest.raises(ModelNotFound, match="there is no model 'p/1'"), policy.pool.lease("store/p/1"):
        pass


def test_a_store_that_vanishes_leaves_what_is_loaded(start: Start, root: Path) -> None:
    put(root, "p/1", "q/1")
    policy = start()
    policy.by_id("p/1")
    root.rename(root.with_name("elsewhere"))
    assert ask(policy, "p/1") == "p/1"
    with pytest.raises(ModelNotFound):
        policy.by_id("q/1")
    root.with_name("elsewhere").rename(root)
    assert ask(policy, "q/1") == "q/1"


def test_what_is_put_there_later_is_served(start: Start, root: Path) -> None:
    policy = start()
    with pytest.raises(ModelNotFound):
        policy.by_id("p/1")
    put(root, "p/1")
    assert ask(policy, "p/1") == "p/1"


def test_a_file_that_has_changed_is_loaded_at_the_next_load(start: Start, root: Path) -> None:
    put(root, "p/1", text="old")
    policy = start()
    assert ask(policy, "p/1") == "old"
    put(root, "p/1", text="new")
    assert ask(policy, "p/1") == "old"
    policy.remove("p/1")
    assert ask(policy, "p/1") == "new"


@pytest.mark.parametrize("place", ["p/1", "p/1/", "n", "n/"])
def test_a_broken_file_is_tried_again_once_it_has_changed(place: str, start: Start, root: Path) -> None:
    put(root, place, text="broken")
    policy, name = start(loader := Loads()), place.rstrip("/")
    for _ in range(3):
        with pytest.raises(ModelBroken, match=f"model '{name}.*' cannot be loaded: its weights are cut short"):
            policy.by_id(name)
    assert loader.loads["broken"] == 1 and ModelBroken.status == 409
    put(root, place, text="broken ")
    with pytest.raises(ModelBroken):
        policy.by_id(name)
    assert loader.loads["broken"] == 2
    put(root, place, text="whole")
    assert ask(policy, name) == "whole" and rows(policy) == ["fake/1", name]


def test_a_broken_file_is_tried_again_after_a_minute(start: Start, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "p/1", text="broken")
    monkeypatch.setattr("container.models.policies.catalogue.MINUTE", 0.2)
    policy = start(loader := Loads())
    for _ in range(2):
        with pytest.raises(ModelBroken):
            policy.by_id("p/1")
    time.sleep(0.25)
    with pytest.raises(ModelBroken):
        policy.by_id("p/1")
    assert loader.loads["broken"] == 2


def test_the_served_model_may_be_broken_when_it_is_asked_for_again(tmp_path: Path) -> None:
    put(tmp_path, "served", text="good")
    policy = Catalogue(tmp_path / "served.tar.gz")
    pool = ModelPool(policy, loader := Loads())
    pool.start()
    assert pool.settle() == ("ready", "")
    policy.clear()
    put(tmp_path, "served", text="broken")
    for _ in range(2):
        with pytest.raises(ModelBroken, match="model 'good/1' cannot be loaded"), pool.lease("model"):
            pass
    assert loader.loads["broken"] == 1 and pool.health() == ("ready", "")
    put(tmp_path, "served", text="better")
    with pool.lease("model"):
        assert rows(policy) == ["better/1"] and policy.by_id("better").key == "model"
    pool.close()


def test_all_who_wait_for_a_load_get_the_same(start: Start, root: Path) -> None:
    put(root, "p/1", "n")
    put(root, "bad", text="broken")
    policy = start(loader := Loads())
    loader.go.clear()

    def get(name: str) -> str:
        try:
            return ask(policy, name)
        except ServingError as error:
            return error.code

    with ThreadPoolExecutor(12) as threads:
        answers = {name: [threads.submit(get, name) for _ in range(3)] for name in ("p/1", "n", "n/1", "bad")}
        time.sleep(0.2)
        assert ask(policy, "fake") == "fake"  # which is loaded, and waits for nobody
        loader.go.set()
        expected = {"p/1": "p/1", "n": "n", "n/1": "n", "bad": "model_broken"}
        for name, several in answers.items():
            assert [one.result(10) for one in several] == [expected[name]] * 3
    assert loader.loads == {"fake": 1, "p/1": 1, "n": 1, "broken": 1}


@pytest.mark.parametrize("places", [2, 8])
def test_who_waits_for_a_load_or_a_place_is_outside_the_gate(places: int, start: Start, root: Path) -> None:
    """Where one thread computes at a time, a request for a loaded model comes in while two others wait."""
    put(root, "a", "b")
    policy, gate = start(loader := Loads(), places=places), Gate(1)
    loader.go.clear()

    def get(name: str) -> str:
        with gate:
            return ask(policy, name)

    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(get, name) for name in "aab"]
        while "a" not in loader.loads:
            time.sleep(0.01)
        assert get("fake") == "fake"
        assert not any(one.done() for one in waiting)
        loader.go.set()
        assert [one.result(10) for one in waiting[:2]] == ["a", "a"]
        assert waiting[2].exception(10) is None or places == 2


@contextmanager
def leased(policy: Policy, *names: str) -> Iterator[None]:
    """Requests in flight."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(policy.pool.lease(policy.by_id(name).key))
        yield


LIMITS = [pytest.param({"places": 3}, {}, id="places"), pytest.param({}, {"room": 3}, id="memory")]


@pytest.mark.parametrize("use", [ask, lambda policy, name: policy.by_id(name)], ids=["ask", "id"])
@pytest.mark.parametrize(("settings", "limits"), LIMITS)
def test_the_one_used_longest_ago_gives_way(
    use: Callable[[Policy, str], object],
    settings: Mapping[str, int],
    limits: Mapping[str, float],
    start: Start,
    root: Path,
) -> None:
    put(root, "a", "b", "c", "d")
    policy = start(loader := Loads(**limits), **settings)
    for name, left in (("a", "a"), ("b", "ab"), ("a", "ba"), ("c", "ac"), ("a", "ca"), ("d", "ad"), ("b", "db")):
        use(policy, name)
        assert {row.name for row in policy.rows()} == {"fake", *left}
    assert loader.most == 3


@pytest.mark.parametrize(("settings", "limits"), LIMITS)
def test_models_with_requests_in_flight_stay(
    settings: Mapping[str, int], limits: Mapping[str, float], start: Start, root: Path
) -> None:
    put(root, "a", "b", "c")
    policy = start(loader := Loads(**limits), **settings)
    with leased(policy, "b"):
        policy.by_id("a")
        assert ask(policy, "c") == "c" and rows(policy) == ["fake/1", "b", "c"]
        with leased(policy, "c"), pytest.raises(InsufficientMemory) as caught:
            policy.by_id("a")
        message = caught.value.message
        assert caught.value.status == 507 and message.startswith(
            "model 'a/1' does not fit beside the served model and those with requests in flight: "
        )
        number = "there are places for 3 models at once" if settings else "takes about 336 MB, and 0 are free"
        assert number in message and f"(MASKSERVE_MAX_ACTIVE_MODELS is {policy.places})" in message
    assert ask(policy, "a") == "a" and loader.most == 3


def test_the_served_model_never_gives_way(start: Start, root: Path) -> None:
    put(root, "a", "b")
    policy = start(places=1)
    with pytest.raises(InsufficientMemory):
        policy.by_id("a")
    assert rows(policy) == ["fake/1"]
    policy.remove("fake")
    assert ask(policy, "a") == "a"
    assert ask(policy, "fake") == "fake" and rows(policy) == ["fake"]  # for which others do


def test_who_lacks_a_place_waits_for_a_load(start: Start, root: Path) -> None:
    put(root, "a", "b")
    policy = start(loader := Loads(), places=2)
    loader.go.clear()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(policy.by_id, "a")
        while "a" not in loader.loads:
            time.sleep(0.01)
        second = threads.submit(policy.by_id, "b")
        time.sleep(0.2)
        assert not second.done()
        loader.go.set()
        first.result(10), second.result(10)
    assert rows(policy) == ["fake/1", "b"] and loader.most == 2


def test_two_that_lack_memory_do_not_wait_for_each_other(start: Start, root: Path) -> None:
    put(root, "a", "b", "c")
    policy = start(Loads(room=2))
    with leased(policy, "c"), ThreadPoolExecutor(2) as threads:
        for answer in [threads.submit(policy.by_id, name) for name in "ab"]:
            with pytest.raises(InsufficientMemory):
                answer.result(10)


def test_an_unload_that_waits_for_the_request_which_loads_another_is_not_waited_for(start: Start, root: Path) -> None:
    put(root, "a", "b")
    policy = start(places=2)
    with ThreadPoolExecutor(1) as threads, leased(policy, "a"):
        removed = threads.submit(policy.remove, "a")
        while policy.pool.is_ready("store/a"):
            time.sleep(0.01)
        with pytest.raises(InsufficientMemory):
            policy.by_id("b")
        assert not removed.done()
    assert ask(policy, "b") == "b"


def test_a_model_that_a_lease_loads_again_does_not_give_way_before(start: Start, root: Path) -> None:
    """Two requests whose models were found, and have gone since, for one place."""
    put(root, "a", "b")
    policy = start(places=2)

    def lease(name: str) -> str:
        try:
            with policy.pool.lease(f"store/{name}") as model:
                return model.name
        except InsufficientMemory as error:
            return error.code

    with ThreadPoolExecutor(4) as threads:
        outcomes = Counter(threads.map(lease, "ab" * 100))
    assert outcomes["a"] + outcomes["b"] + outcomes["insufficient_memory"] == 200 and outcomes["a"] and outcomes["b"]


def test_a_model_that_a_lease_waits_for_stays_until_it_has_it(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, "a", "b")
    policy = start(places=2)
    provide = policy.provide

    def then_another(key: str) -> bool:
        provided = provide(key)
        if key == "store/a":
            with pytest.raises(InsufficientMemory):
                policy.by_id("b")
        return provided

    monkeypatch.setattr(policy, "provide", then_another)
    with policy.pool.lease("store/a") as model:
        assert model.name == "a"
    assert ask(policy, "b") == "b"


def test_a_place_that_becomes_free_in_the_meantime_is_taken(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, "a", "b")
    policy = start(loader := Loads(), places=2)
    make_room = policy.make_room

    def after_a_remove(key: str, missing: int) -> bool:
        request.close()
        policy.remove("a")
        return make_room(key, missing)

    with ExitStack() as request:
        request.enter_context(leased(policy, "a"))
        monkeypatch.setattr(policy, "make_room", after_a_remove)
        assert policy.by_id("b").key == "store/b" and loader.most == 2


def counted(kind: str) -> float:
    series = re.findall(rf"^maskserve_model_{kind}_total{{.*}} (\S+)", metrics.render().decode(), re.MULTILINE)
    return sum(map(float, series))


def test_loads_and_evictions_are_counted(start: Start, root: Path) -> None:
    put(root, "a", "b")
    loads, evictions = counted("loads"), counted("evictions")
    policy = start(places=2)
    for name in "abab":
        policy.by_id(name)
    policy.remove("b")
    assert (counted("loads") - loads, counted("evictions") - evictions) == (5, 3)


def test_a_model_that_comes_and_goes_is_one_warning(
    start: Start, root: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, "a", "b")
    policy = start(places=2)
    for name in "ab" * 4:
        policy.by_id(name)

    def warnings() -> list[str]:
        return [r.getMessage().split(":")[0] for r in caplog.records if r.levelname == "WARNING"]

    assert not warnings()
    for name in "ab" * 4:
        policy.by_id(name)
    assert warnings() == [f"model {name}/1 was loaded 5 times within a minute" for name in "ab"]
    assert "MASKSERVE_MAX_ACTIVE_MODELS" in caplog.text
    monkeypatch.setattr("container.models.policies.catalogue.MINUTE", 0.0)
    policy.by_id("a")  # a minute later
    monkeypatch.undo()
    caplog.clear()
    for name in "ba" * 5:
        policy.by_id(name)
    assert caplog.text.count("within a minute") == 2


def test_with_several_processes_nothing_is_unloaded() -> None:
    policy = Catalogue(SPEC, processes=3)
    pool = ModelPool(policy, Loads())
    pool.start()
    pool.settle()
    for call in (policy.clear, partial(policy.remove, "fake"), partial(policy.remove, "other")):
        with pytest.raises(Conflict, match="3 processes") as caught:
            call()
        assert caught.value.status == 409 and "SAGEMAKER_MODEL_SERVER_WORKERS" in caught.value.hint
    assert ask(policy, "fake") == "fake" and rows(policy) == ["fake"]
    pool.close()


def test_a_store_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="MASKSERVE_MODEL_STORE"):
        Catalogue(locate.EMBEDDED, Store(tmp_path / "none")).check()


@pytest.mark.parametrize("limits", [{"places": 4}, {"places": 100, "room": 4}, {"places": 2}])
def test_a_storm_ends_in_one_of_the_known_ways(limits: dict[str, int], start: Start, root: Path) -> None:
    """16 threads, 150 times each, over ten ids of eight models and two that are none."""
    put(root, *(f"p/{i}" for i in range(6)), "n")
    put(root, "bad/1", text="broken")
    loader = Loads(limits.pop("room", float("inf")), seconds=0.001)
    policy = start(loader, **limits)
    names = [*(f"p/{i}" for i in range(6)), "n", "n/1", "fake", "bad/1", "none/1"]

    def work(seed: int) -> Counter[str]:
        outcomes, chance = Counter[str](), random.Random(seed)
        for _ in range(150):
            name, action = chance.choice(names), chance.choices(("ask", "id", "remove", "clear"), (60, 30, 9, 1))[0]
            try:
                if action == "ask":
                    assert ask(policy, name) in (name, "n")
                elif action == "id":
                    policy.by_id(name)
                elif action == "clear":
                    policy.clear()
                elif name != "fake":
                    policy.remove(name)
                outcomes[action] += 1
            except (ModelNotFound, ModelBroken, InsufficientMemory) as error:
                outcomes[error.code] += 1
        return outcomes

    with ThreadPoolExecutor(16) as threads:
        outcomes = sum(threads.map(work, range(16), timeout=100), Counter[str]())
    assert outcomes.total() == 16 * 150 and outcomes["ask"] > 100, outcomes
    left = [slot for slot in policy.pool.list() if slot.state == "ready"]
    assert len(left) == len(policy.pool.list()) == loader.there <= 4
    assert loader.most <= min(4, policy.places) and not any(slot.leases for slot in left)
    assert not policy.pool._wanted and {"model_not_found", "model_broken"} <= set(outcomes)


def test_eviction_leaves_the_served_model(start: Start, root: Path) -> None:
    """16 threads over ten models and three places; the served one is asked for all the time, and loaded once."""
    put(root, *(f"p/{i}" for i in range(10)))
    policy = start(loader := Loads(seconds=0.001), places=3)

    def work(seed: int) -> Counter[str]:
        outcomes, chance = Counter[str](), random.Random(seed)
        for _ in range(100):
            name = chance.choice(["fake", *(f"p/{i}" for i in range(10))])
            try:
                outcomes["right" if ask(policy, name) == name else "wrong"] += 1
            except InsufficientMemory:
                outcomes["507"] += 1
                assert name != "fake"
        return outcomes

    with ThreadPoolExecutor(16) as threads:
        outcomes = sum(threads.map(work, range(16), timeout=100), Counter[str]())
    assert set(outcomes) <= {"right", "507"} and loader.loads["fake"] == 1 and loader.most == 3


# Of models by name, as on a multi-model endpoint.


@pytest.fixture
def explicit(tmp_path: Path) -> Iterator[Explicit]:
    """With two models that are loaded, and one that is not."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    policy = Explicit(tmp_path)
    pool = ModelPool(policy, FakeLoader())
    pool.start()
    pool.settle()
    for name in ("a", "b"):
        policy.load(name, f"{tmp_path}/{name}")
    yield policy
    pool.close()


def test_models_by_name_have_ids(explicit: Explicit) -> None:
    assert rows(explicit) == ["a/1", "b/1"]
    assert explicit.by_id("a") == explicit.by_id("a/1") == ("a", 0.0)
    assert ask(explicit, "b/1") == "b" and rows(explicit) == ["a", "a/1", "b/1"]
    for name in ("c", "c/1", "a/2", "", "..", "n" * 10_000):
        with pytest.raises(ModelNotFound, match="is loaded") as caught:
            explicit.by_id(name)
        assert "POST /models" in caught.value.hint


def test_models_by_name_are_removed_by_id(explicit: Explicit) -> None:
    for name in ("c", "a/1", "a"):
        explicit.remove(name)
    assert rows(explicit) == ["b/1"] and [name for name, _ in explicit.page("", 9).models] == ["b"]
    explicit.clear()
    assert explicit.rows() == []
    with pytest.raises(ModelNotFound), explicit.pool.lease("a"):
        pass


@pytest.mark.parametrize("store", [True, False])
def test_a_model_of_a_package_is_loaded_as_others_are(start: Start, store: bool) -> None:
    policy = start(loader := Loads(), places=2, store=store, aliases={"reader": "ocr/pp-ocr"})
    assert ask(policy, "ocr/pp-ocr") == ask(policy, "reader") == "ocr/pp-ocr"
    assert loader.loads["ocr/pp-ocr"] == 1 and rows(policy) == ["fake/1", "ocr/pp-ocr", "reader"]
    assert policy.rows()[1].cost == (1200 << 20) + 0
    policy.remove("reader")
    assert rows(policy) == ["fake/1"]
    assert ask(policy, "ocr/pp-ocr") == "ocr/pp-ocr"


def test_a_model_of_a_package_gives_way_and_the_store_goes_before_it(start: Start, root: Path) -> None:
    put(root, "p/1", "ocr/other")
    policy = start(loader := Loads(), places=2)
    for name in ("ocr/pp-ocr", "p/1", "ocr/pp-ocr", "ocr/other"):
        assert ask(policy, name) == name
    assert loader.most == 2
    put(root, "ocr/pp-ocr", text="own")
    assert ask(policy, "ocr/pp-ocr") == "own"
