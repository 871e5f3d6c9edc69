"""Embeddings that are kept: by content and by id, within their memory, made once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from container.errors import DeadlineExceeded, Overloaded
from container.service.embeddings import Embeddings
from container.structures import Embedding
from tests.fakes import FakePromptEngine

ENGINE, OTHER = FakePromptEngine(), FakePromptEngine()
KB = 1024


def embedding(kilobytes: int = 10) -> Embedding:
    return Embedding((np.zeros((kilobytes, 256), np.float32),), (480, 640))


class Maker:
    """Makes an embedding each time it is called, and counts."""

    def __init__(self, seconds: float = 0.0, kilobytes: int = 10) -> None:
        self.calls = 0
        self._seconds = seconds
        self._kilobytes = kilobytes

    def __call__(self) -> Embedding:
        self.calls += 1
        time.sleep(self._seconds)
        return embedding(self._kilobytes)


def later() -> float:
    return time.monotonic() + 20


def test_kept_by_content_of_each_model() -> None:
    kept, make = Embeddings(), Maker()
    first = kept.find(ENGINE, b"a", make, later())
    assert kept.find(ENGINE, b"a", make, later()) is first
    assert kept.find(ENGINE, b"b", make, later()) is not first
    assert kept.find(OTHER, b"a", make, later()) is not first
    assert make.calls == 3


def test_an_id_stands_for_the_last_picture() -> None:
    kept, make = Embeddings(), Maker()
    assert kept.named(ENGINE, "photo") is None
    a, b = (kept.find(ENGINE, content, make, later()) for content in (b"a", b"b"))
    kept.name(ENGINE, "photo", b"a")
    assert kept.named(ENGINE, "photo") is a
    assert kept.named(OTHER, "photo") is None
    logits = np.ones((1, 4, 4), np.float32)
    kept.keep_logits(ENGINE, "photo", logits)
    kept.name(ENGINE, "photo", b"a")
    assert kept.logits(ENGINE, "photo") is logits
    kept.name(ENGINE, "photo", b"b")
    assert kept.named(ENGINE, "photo") is b
    assert kept.logits(ENGINE, "photo") is None


def test_logits_of_an_unknown_id_are_not_kept() -> None:
    kept = Embeddings()
    kept.keep_logits(ENGINE, "photo", np.ones((1, 4, 4), np.float32))
    assert kept.logits(ENGINE, "photo") is None


@pytest.mark.parametrize(
    ("used", "gone"), [((), b"a"), ((b"a",), b"b"), ((b"a", b"b"), b"c")], ids=["none", "a", "a and b"]
)
def test_the_least_recently_used_gives_way(used: tuple[bytes, ...], gone: bytes) -> None:
    kept, make = Embeddings(35 * KB), Maker()
    for content in (b"a", b"b", b"c", *used, b"d"):
        kept.find(ENGINE, content, make, later())
    make.calls = 0
    for content in {b"a", b"b", b"c", b"d"} - {gone}:
        kept.find(ENGINE, content, make, later())
    assert make.calls == 0
    kept.find(ENGINE, gone, make, later())
    assert make.calls == 1


def test_ids_without_end_take_no_memory_without_end() -> None:
    kept, make = Embeddings(35 * KB), Maker()
    for i in range(1000):
        kept.find(ENGINE, b"a", make, later())
        kept.name(ENGINE, f"photo {i}", b"a")
    assert make.calls == 1
    assert kept.named(ENGINE, "photo 999") is not None
    assert kept.named(ENGINE, "photo 1") is None


@pytest.mark.parametrize("max_bytes", [0, 5 * KB], ids=["nothing is kept", "it is larger than all memory"])
def test_what_does_not_fit_is_answered_and_not_kept(max_bytes: int) -> None:
    kept, make = Embeddings(max_bytes), Maker()
    for _ in range(2):
        assert kept.find(ENGINE, b"a", make, later()).bytes == 10 * KB
    assert make.calls == 2


def test_what_is_too_large_displaces_nothing() -> None:
    kept, small = Embeddings(35 * KB), Maker()
    kept.find(ENGINE, b"a", small, later())
    kept.find(ENGINE, b"b", Maker(kilobytes=100), later())
    kept.find(ENGINE, b"a", small, later())
    assert small.calls == 1


def test_a_model_that_goes_takes_its_embeddings_along() -> None:
    kept, make = Embeddings(), Maker()
    for engine in (ENGINE, OTHER):
        kept.find(engine, b"a", make, later())
        kept.name(engine, "photo", b"a")
    kept.forget(ENGINE)
    assert kept.named(ENGINE, "photo") is None
    assert kept.named(OTHER, "photo") is not None


def test_requests_for_one_picture_make_it_once() -> None:
    kept, make = Embeddings(), Maker(0.2)
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: kept.find(ENGINE, b"a", make, later()), range(16)))
    assert make.calls == 1
    assert all(one is found[0] for one in found)


def test_who_waits_makes_it_where_the_first_one_failed() -> None:
    kept, make, begun = Embeddings(), Maker(), threading.Event()

    def fails() -> Embedding:
        begun.set()
        time.sleep(0.2)
        raise Overloaded("the queue is full")

    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(kept.find, ENGINE, b"a", fails, later())
        begun.wait()
        assert kept.find(ENGINE, b"a", make, later()).bytes == 10 * KB
        with pytest.raises(Overloaded):
            first.result()
    assert make.calls == 1


def test_who_waits_keeps_its_own_deadline() -> None:
    kept, begun, end = Embeddings(), threading.Event(), threading.Event()

    def slow() -> Embedding:
        begun.set()
        end.wait(20)
        return embedding()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(kept.find, ENGINE, b"a", slow, later())
        begun.wait()
        with pytest.raises(DeadlineExceeded) as raised:
            kept.find(ENGINE, b"a", Maker(), time.monotonic() + 0.1)
        assert raised.value.waited
        end.set()


def test_vectors_are_kept_within_the_same_memory() -> None:
    """A picture's embedding and a vector have keys of their own; each model has its own."""
    kept, vectors = Embeddings(40 * KB), {b"a": np.zeros(256, np.float32), b"b": np.ones(256, np.float32)}
    kept.keep_vectors(ENGINE, vectors)
    assert kept.vectors(ENGINE, [b"a", b"b", b"c"]) == vectors
    assert kept.vectors(OTHER, [b"a"]) == {}
    kept.keep_vectors(ENGINE, {bytes([i]): np.zeros(1024, np.float32) for i in range(20)})
    assert kept.vectors(ENGINE, [b"a", b"b"]) == {}
    kept.forget(ENGINE)
    assert kept.vectors(ENGINE, [bytes([19])]) == {}
