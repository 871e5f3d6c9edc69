"""AsyncQueue: written where they should be, bounded, expiring, and not lost when the server ends."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from container.errors import BadImage, NotFound, Overloaded, Unavailable
from container.protocols.sagemaker import async_queue
from container.protocols.sagemaker.async_queue import AsyncQueue, Job, JobResult
from container.s3 import Folder, Location, Store

RESULT = JobResult(b"answer", "image/png", {})


def job(name: str = "a", ttl_seconds: float = 60, seconds: float = 60) -> Job:
    return Job(name, Location("bucket", f"{name}.out"), Location("bucket", f"{name}-error.out"), ttl_seconds, seconds)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[AsyncQueue]:
    draining = threading.Event()
    yield AsyncQueue(Folder(tmp_path), draining, waiting=8)
    draining.set()


def ended(jobs: AsyncQueue, name: str = "a", seconds: float = 10) -> Job:
    end = time.monotonic() + seconds
    while jobs.get(name)[-1].state not in ("Completed", "Failed"):
        assert time.monotonic() < end
        time.sleep(0.01)
    return jobs.get(name)[-1]


def failure(tmp_path: Path, name: str = "a") -> list[str]:
    error = json.loads((tmp_path / f"bucket/{name}-error.out").read_bytes())["error"]
    return [error["code"], error["request_id"], error["message"]]


def raising(error: Exception) -> Callable[[float], JobResult]:
    def work(_: float) -> JobResult:
        raise error

    return work


def test_the_result_is_written(jobs: AsyncQueue, tmp_path: Path) -> None:
    jobs.add(job(), lambda seconds: RESULT)
    assert ended(jobs).state == "Completed"
    assert (tmp_path / "bucket/a.out").read_bytes() == b"answer"
    assert not (tmp_path / "bucket/a-error.out").exists()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadImage("broken"), "bad_image"),
        (RuntimeError("a secret"), "internal_error"),
        (MemoryError(), "out_of_memory"),
    ],
)
def test_errors_are_written_and_the_next_is_done(error: Exception, code: str, jobs: AsyncQueue, tmp_path: Path) -> None:
    for name in "abcdef":  # more than there are threads
        jobs.add(job(name), raising(error))
    for name in "abcdef":
        assert ended(jobs, name).state == "Failed"
        assert failure(tmp_path, name)[:2] == [code, name] and "secret" not in failure(tmp_path, name)[2]
    jobs.add(job("next"), lambda seconds: RESULT)
    assert ended(jobs, "next").state == "Completed"


def test_what_is_refused_for_want_of_room_is_tried_again(jobs: AsyncQueue) -> None:
    attempts: list[float] = []

    def work(seconds: float) -> JobResult:
        attempts.append(seconds)
        if len(attempts) < 3:
            raise Overloaded("full", retry_after=0)
        return RESULT

    jobs.add(job(seconds=9), work)
    assert ended(jobs).state == "Completed"
    assert len(attempts) == 3 and 9 >= attempts[0] > attempts[2]


def test_but_not_past_its_time(jobs: AsyncQueue, tmp_path: Path) -> None:
    jobs.add(job(seconds=0.5), raising(Overloaded("full", retry_after=1)))
    assert (ended(jobs).state, failure(tmp_path)[0]) == ("Failed", "overloaded")


def test_who_waits_too_long_expires(jobs: AsyncQueue, tmp_path: Path) -> None:
    jobs.add(job(ttl_seconds=-1), lambda seconds: RESULT)
    assert ended(jobs).state == "Failed"
    assert failure(tmp_path)[0] == "deadline_exceeded" and "waited longer" in failure(tmp_path)[2]


def test_the_queue_is_bounded(jobs: AsyncQueue) -> None:
    gate = threading.Event()

    def work(_: float) -> JobResult:
        gate.wait(10)
        return RESULT

    with pytest.raises(Overloaded, match="8 asynchronous requests are waiting"):
        for i in range(8 + async_queue.THREADS + 1):
            jobs.add(job(str(i)), work)
            time.sleep(0.02)
    gate.set()
    assert ended(jobs, str(8 + async_queue.THREADS - 1)).state == "Completed"


def test_what_has_ended_is_forgotten_in_the_end(jobs: AsyncQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_queue, "REMEMBERED", 3)
    for name in "abcdef":
        jobs.add(job(name), lambda seconds: RESULT)
        ended(jobs, name)
    with pytest.raises(NotFound):
        jobs.get("a")
    assert jobs.get("f")


def test_two_of_the_same_id_are_both_done(jobs: AsyncQueue, tmp_path: Path) -> None:
    gate = threading.Event()

    def first(_: float) -> JobResult:
        gate.wait(10)
        return RESULT

    jobs.add(Job("a", Location("bucket", "1"), Location("bucket", "1-error"), 60, 60), first)
    jobs.add(Job("a", Location("bucket", "2"), Location("bucket", "2-error"), 60, 60), lambda seconds: RESULT)
    assert ended(jobs).output.key == "2"
    gate.set()
    end = time.monotonic() + 10
    while not (tmp_path / "bucket/1").exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_output_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    class Full(Folder):
        def write(self, location: Location, body: bytes, content_type: str) -> None:
            if location.key.endswith("a.out"):
                raise Unavailable("the disk is full")
            super().write(location, body, content_type)

    draining = threading.Event()
    store: Store = Full(tmp_path)
    jobs = AsyncQueue(store, draining)
    jobs.add(job(), lambda seconds: RESULT)
    assert ended(jobs).error == failure(tmp_path)[2] == "the disk is full"
    draining.set()


def test_the_end_of_the_server_loses_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_queue, "DRAIN_SECONDS", 1.0)
    draining, gate = threading.Event(), threading.Event()
    jobs = AsyncQueue(Folder(tmp_path), draining)

    def short(_: float) -> JobResult:
        draining.wait(10)
        return RESULT

    def stuck(_: float) -> JobResult:
        gate.wait(10)
        return RESULT

    works = [short, stuck, stuck, stuck, short, short]
    for i, work in enumerate(works):
        jobs.add(job(str(i)), work)
    time.sleep(0.2)
    begun = time.monotonic()
    draining.set()
    jobs.close()
    assert time.monotonic() - begun < 5
    gate.set()
    assert [jobs.get(str(i))[0].state for i in range(6)] == ["Completed", *["Failed"] * 5]
    assert "before this request was done" in failure(tmp_path, "1")[2]
    assert "before this request's turn came" in failure(tmp_path, "5")[2]
    with pytest.raises(Unavailable, match="shutting down"):
        jobs.add(job("late"), short)
    time.sleep(0.2)
    assert not (tmp_path / "bucket/1.out").exists()  # it was told that it failed, and that stands
