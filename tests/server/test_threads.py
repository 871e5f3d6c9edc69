"""A thread that has no memory to begin with is an error for who starts it, and costs a pool no other thread."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from container import memory
from container.server import threads


class Ending(threading.Thread):
    """Ends before it has begun, as one that has no memory does; SystemExit, as MemoryError would be printed."""

    def _bootstrap(self) -> None:
        raise SystemExit


@pytest.fixture
def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", threading.Thread.start)  # put back afterwards
    threads.never_wait_for_ever()


@pytest.mark.usefixtures("patched")
def test_one_that_ends_before_it_has_begun_is_an_error() -> None:
    begun = time.monotonic()
    with pytest.raises(RuntimeError, match="can't start new thread") as caught:
        Ending().start()
    assert time.monotonic() - begun < threads.BEGIN_SECONDS + 1
    assert memory.lacking(caught.value)
    assert not any(isinstance(thread, Ending) for thread in threading.enumerate())


@pytest.mark.usefixtures("patched")
def test_others_start_as_ever() -> None:
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.append(threading.current_thread().name), name="other")
    thread.start()
    thread.join(5)
    assert seen == ["other"] and not thread.is_alive()
    with pytest.raises(RuntimeError, match="threads can only be started once"):
        thread.start()
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(abs, (-1, -2))) == [1, 2]


class Fatal:
    """Work that ends its thread, as an error does for which there is no memory to be written down."""

    def run(self) -> None:
        raise SystemExit


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[threads.Threads]:
    """Four threads."""
    monkeypatch.setattr(threads, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(threads, "LOOK_SECONDS", 0.0)
    pool = threads.Threads(4)
    yield pool
    pool.shutdown()


@pytest.fixture
def begins(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Whether a thread can be had."""
    begins, start = threading.Event(), threading.Thread.start

    def start_or_fail(thread: threading.Thread) -> None:
        if not begins.is_set():
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_fail)
    begins.set()
    return begins


def meet(pool: ThreadPoolExecutor, count: int) -> None:
    """Work of which each part waits for all others, so that it takes `count` threads; BrokenBarrierError."""
    barrier = threading.Barrier(count)
    for work in [pool.submit(barrier.wait, 2) for _ in range(count)]:
        work.result()


def test_a_pool_starts_threads_again_when_they_can_be_had(pool: threads.Threads, begins: threading.Event) -> None:
    meet(pool, 1)
    begins.clear()
    assert [pool.submit(abs, -i).result(5) for i in range(20)] == list(range(20))
    waiting = [pool.submit(time.sleep, 0.01) for _ in range(20)]
    for work in waiting:
        work.result(5)
    begins.set()
    meet(pool, 4)


def test_a_pool_without_a_thread_starts_one_for_the_next(pool: threads.Threads, begins: threading.Event) -> None:
    begins.clear()
    first = pool.submit(abs, -1)
    begins.set()
    assert pool.submit(abs, -2).result(5) == 2 and first.result(5) == 1


def test_work_that_waits_for_a_thread_gets_one_without_more_work(
    pool: threads.Threads, begins: threading.Event
) -> None:
    busy = threading.Event()
    first = pool.submit(busy.wait, 10)
    begins.clear()
    waiting = [pool.submit(abs, -i) for i in range(3)]
    pool.catch_up()
    begins.set()
    pool.catch_up()
    assert [work.result(5) for work in waiting] == [0, 1, 2] and not first.done()
    busy.set()


def test_a_pool_replaces_threads_that_have_ended(pool: threads.Threads, begins: threading.Event) -> None:
    meet(pool, 4)
    for _ in range(4):
        pool._work_queue.put(Fatal())
    while any(thread.is_alive() for thread in pool._threads):
        time.sleep(0.01)
    meet(pool, 4)
