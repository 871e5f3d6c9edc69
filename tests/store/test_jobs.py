"""Jobs: leases, steps that are done once, errors that are kept, and the thread that works on them."""

import threading
import time
from collections.abc import Generator
from typing import Any

import pytest
from sqlalchemy import insert

from container.errors import BadRequest, NotFound, Unavailable
from container.store import jobs, runner
from container.store.jobs import COMPLETED, ERRORED, RUNNING, Lease, LeaseLost, claim
from container.store.runner import Runner
from container.store.store import Store
from container.store.tables import meta


def create(store: Store, type: str = "count", **parameters: object) -> str:
    with store.write() as c:
        return jobs.create(c, type, None, parameters)


def find(store: Store, job_id: str) -> jobs.Job:
    with store.read() as c:
        return jobs.find(c, job_id)


def ended(store: Store, *job_ids: str) -> list[str]:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = [find(store, one).status for one in job_ids]
        if RUNNING not in found:
            return found
        time.sleep(0.01)
    raise AssertionError("the jobs do not end")


def test_the_same_request_is_the_same_job(store: Store) -> None:
    with store.write() as c:
        first = jobs.create(c, "count", None, {}, request_key="a")
        assert jobs.create(c, "count", None, {}, request_key="a") == first == jobs.by_request(c, "a")
        assert jobs.create(c, "count", None, {}) != first
        assert jobs.by_request(c, "b") is None
        with pytest.raises(NotFound, match="Job with id"):
            jobs.find(c, "job_none")


def test_one_process_has_a_job_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    create(store)
    first = claim(store, "first", ["count"])
    assert first is not None and claim(store, "second", ["count"]) is None
    assert claim(store, "second", ["other"]) is None
    monkeypatch.setattr(jobs, "now", lambda: time.time() + jobs.LEASE_SECONDS + 1)
    second = claim(store, "second", ["count"])
    assert second is not None
    with pytest.raises(LeaseLost), first.step() as step:  # it writes nothing more
        step.connection.execute(insert(meta).values(name="late", value="1"))
    with store.read() as c:
        assert not c.execute(meta.select().filter_by(name="late")).first()
    with pytest.raises(LeaseLost):
        first.finish(COMPLETED, {})
    second.finish(COMPLETED, {"done": 1})
    assert claim(store, "third", ["count"]) is None


def test_a_clock_that_is_set_back_holds_no_job(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    create(store)
    assert claim(store, "first", ["count"])
    monkeypatch.setattr(jobs, "now", lambda: time.time() - 3600)
    assert claim(store, "second", ["count"])


def test_a_step_is_written_with_its_work(store: Store) -> None:
    job_id = create(store)
    lease = claim(store, "a", ["count"])
    assert lease is not None
    with lease.step() as step:
        step.state, step.progress, step.errors = {"at": 7}, 0.5, ["one", "two"]
    with pytest.raises(ZeroDivisionError), lease.step() as step:
        step.state, step.errors = {"at": 8}, ["three"]
        raise ZeroDivisionError
    lease.release()
    again = claim(store, "b", ["count"])
    assert again is not None and (again.job.state, again.job.progress) == ({"at": 7}, 0.5)
    with store.read() as c:
        assert jobs.errors(c, again.job.key) == ["one", "two"]
    assert find(store, job_id).error_count == 2


def test_the_newest_errors_are_kept_and_all_are_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_ERRORS", 3)
    create(store)
    lease = claim(store, "a", ["count"])
    assert lease is not None
    for texts in (["1", "2"], ["3", "4"], [], ["5", "6", "7", "8"]):
        with lease.step() as step:
            step.errors = texts
    with store.read() as c:
        assert jobs.errors(c, lease.job.key) == ["6", "7", "8"]
    assert lease.job.error_count == 8


def test_jobs_are_listed_newest_first(store: Store) -> None:
    first, second = create(store), create(store, "other")
    lease = claim(store, "a", ["count"])
    assert lease is not None
    lease.finish(COMPLETED, {})
    with store.read() as c:
        assert [one.id for one in jobs.listed(c)] == [second, first]
        assert [one.id for one in jobs.listed(c, types=["count"])] == [first]
        assert [one.id for one in jobs.listed(c, completed=False)] == [second]
        assert [one.id for one in jobs.listed(c, limit=1)] == [second]
        assert jobs.listed(c, dataset_id="ds_none") == [] == jobs.listed(c, since=time.time() + 9)
        assert len(jobs.listed(c, until=time.time() + 9)) == 2
        assert len(jobs.listed(c, completed=False)) == 1


def count(lease: Lease) -> Generator[None, None, dict[str, Any]]:
    """Counts to what its parameters say, and fails where they say so."""
    for number in range(lease.job.state.get("at", 0), lease.job.parameters["to"]):
        if number == lease.job.parameters.get("fail"):
            raise {"bad": BadRequest("no"), "bug": ZeroDivisionError("secret")}[lease.job.parameters["how"]]
        with lease.step() as step:
            step.connection.execute(insert(meta).values(name=f"{lease.job.id[-8:]}-{number}", value=lease.owner))
            step.state, step.progress = {"at": number + 1}, (number + 1) / lease.job.parameters["to"]
        yield
    return {"counted": lease.job.parameters["to"]}


def test_the_runner_ends_every_job(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.01)
    made = [
        create(store, to=5),
        create(store, to=0),
        create(store, to=3, fail=1, how="bad"),
        create(store, to=3, fail=2, how="bug"),
    ]
    working = Runner(store, {"count": count})
    working.start()
    assert ended(store, *made) == [COMPLETED, COMPLETED, ERRORED, ERRORED]
    late = create(store, to=1)
    working.wake()
    assert ended(store, late) == [COMPLETED]
    working.close()
    messages = [find(store, one).message for one in made]
    assert messages[0] == {"counted": 5} and messages[2] == {"error": "no"}
    assert "secret" not in str(messages[3])


def test_a_large_job_keeps_no_small_one_waiting(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.01)
    large = create(store, to=300)
    working = Runner(store, {"count": count})
    working.start()
    small = create(store, to=2)
    working.wake()
    ended(store, small)
    assert find(store, large).status == RUNNING
    working.close()
    state = find(store, large).state["at"]
    other = Runner(store, {"count": count})  # goes on at once: the lease was given back
    other.start()
    assert ended(store, large) == [COMPLETED] and 0 < state < 300
    other.close()
    with store.read() as c:
        owners = [one.value for one in c.execute(meta.select().where(meta.c.name.like(f"{large[-8:]}-%")))]
    assert len(owners) == 300 and len({*owners}) == 2


def test_jobs_wait_while_the_store_cannot_be_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(jobs, "LEASE_SECONDS", 0.05)
    full = threading.Event()
    full.set()
    check = store.check_space

    def check_space() -> None:
        if full.is_set():
            raise Unavailable("the disk is full")
        check()

    job_id = create(store, to=3)
    monkeypatch.setattr(store, "check_space", check_space)
    working = Runner(store, {"count": count})
    working.start()
    time.sleep(0.2)
    assert find(store, job_id).status == RUNNING
    full.clear()
    assert ended(store, job_id) == [COMPLETED]
    working.close()
