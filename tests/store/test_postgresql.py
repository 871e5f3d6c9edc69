"""What is PostgreSQL's alone: its errors, its limits, and what two writers do to each other."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from container.errors import BadRequest, Unavailable
from container.store import annotations, database, datasets, items, jobs, models, postgresql, presets, runs, tags
from container.store import store as module
from container.store.annotations import TRUTH, Owner
from container.store.database import StoreError
from container.store.store import Store
from tests.postgres import PASSWORD, Databases
from tests.roomy import roomy
from tests.store.conftest import item_row, row

LONG = [chr(0x1F600 + i % 50) * 999 + str(i) for i in range(3)]  # 4,000 bytes each, of which 3,996 are those of others


@pytest.fixture
def address(databases: Databases) -> Iterator[str]:
    """Of PostgreSQL only."""
    with databases.one() as address:
        yield address


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("53100", "has no space left on its disk"),
        ("53200", "has no memory or connections left"),
        ("53300", "has no memory or connections left"),
        ("55P03", "is busy: others write to it"),
        ("40P01", "was changed by others at the same moment"),
        ("40001", "was changed by others at the same moment"),
        ("23505", "was changed by others at the same moment"),
        ("57P01", "its database is down, or starts"),
        ("25006", "its database is read-only"),
        ("58030", "the disk of its database fails"),
        ("XX001", "its database is damaged"),
    ],
)
def test_an_error_of_the_server_is_told_and_nothing_is_written(store: Store, state: str, told: str) -> None:
    with pytest.raises(Unavailable, match=f"the store .*{told}; nothing of this request"), store.write() as c:
        datasets.create(c, "streets")
        c.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'sec' USING ERRCODE = '{state}'; END $$")
    with store.read() as c:
        assert datasets.every(c) == []


def test_an_error_that_is_ours_is_none_of_the_store(store: Store) -> None:
    with pytest.raises(DBAPIError), store.write() as c:
        c.exec_driver_sql("SELECT nothing")


def test_what_no_database_takes_is_a_bad_request(store: Store) -> None:
    with pytest.raises(BadRequest, match="none that a database takes"), store.read() as c:
        datasets.find(c, "a\0b")


def test_long_names_are_told_apart(store: Store, dataset: datasets.Dataset) -> None:
    with store.write() as c:
        items.add(c, dataset.key, [item_row(name) for name in LONG], replace=False)
        assert items.add(c, dataset.key, [item_row(name) for name in LONG], replace=True) == items.Counts(0, 3, 0)
        places = items.keys(c, dataset.key, LONG)
        assert items.by_reference(c, dataset.key, LONG[1]).key == places[LONG[1]]
        assert len({*places.values()}) == 3 and len(items.places_by_reference(c, LONG)) == 3
        key = models.find(c, models.create(c, "net", LONG[0])).key
        assert models.by_reference(c, LONG[0]).key == key
        run = Owner(runs.find(c, runs.create(c, key, dataset.key, "run")).key)
        for owner in (TRUTH, run):
            some = [row("a", name) for name in LONG] * 20
            assert annotations.add(c, owner, dataset.key, some, False).processed == 3
            assert annotations.find(c, owner, items.keys(c, dataset.key, ["a"])["a"], LONG[2]).kind == "box"
            assert annotations.erase(c, owner, dataset.key, ["a"], 9) == 3
        tags.OF_DATASETS.add(c, dataset.key, [*LONG, *LONG])
        assert tags.OF_DATASETS.of(c, dataset.key) == sorted(LONG)
        presets.create(c, LONG[0], {})
        assert datasets.add_taxonomy(c, dataset, datasets.Taxonomy(LONG[0], "category", LONG), False) == "created"


def test_a_lock_is_waited_for_and_then_told(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    roomy(monkeypatch)
    monkeypatch.setattr(database, "LOCKED_SECONDS", 0.3)
    store = Store.open(tmp_path, address)
    with psycopg.connect(address) as other:
        other.execute("LOCK dataset IN EXCLUSIVE MODE")
        with pytest.raises(Unavailable, match="others write to it; nothing of this request"), store.write() as c:
            datasets.create(c, "streets")
        with store.read() as c:
            assert datasets.every(c) == []
    with store.write() as c:
        datasets.create(c, "streets")
    store.close()


def test_a_server_that_says_nothing_is_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "ANSWER_SECONDS", 0.3)
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="cannot be reached"), store.read() as c:
        c.exec_driver_sql("SELECT pg_sleep(5)")
    assert time.monotonic() - begun < 2
    with store.read() as c:
        assert datasets.every(c) == []


def test_a_connection_that_is_cut_is_made_again(store: Store, databases: Databases) -> None:
    with store.read():
        pass
    databases.cut(store.place.database)
    with store.read() as c:  # no request fails
        assert datasets.every(c) == []
    with pytest.raises(Unavailable, match="nothing of this request has been written"), store.write() as c:
        datasets.create(c, "streets")
        databases.cut(store.place.database)
        datasets.create(c, "fields")
    with store.write() as c:
        assert datasets.every(c) == []


def test_a_commit_without_an_answer_is_told_as_such(store: Store, databases: Databases) -> None:
    with pytest.raises(Unavailable, match="it is not known whether this request was written"), store.write() as c:
        datasets.create(c, "streets")
        databases.cut(store.place.database)


def test_many_writers_of_the_same_objects_lose_and_double_nothing(store: Store, dataset: datasets.Dataset) -> None:
    with store.write() as c:
        run = runs.find(c, runs.create(c, models.find(c, models.create(c, "net", "net-1")).key, dataset.key, "run"))
    processed: list[int] = []

    def write(number: int) -> None:
        some = [row("abc"[i % 3], str(i)) for i in range(300)]
        for part in (some[::-1], some) if number % 2 else (some, some[::-1]):
            with store.write() as c:
                processed.append(annotations.add(c, Owner(run.key), dataset.key, part, number == 3).processed)

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(processed) in (300 + 2 * 300, 300 + 300)  # what number 3 replaced, where it was not the first
    with store.read() as c:
        assert annotations.kinds(c, run.key) == {"box": 300}
        assert runs.find(c, run.id).revision == sum(count > 0 for count in processed)


def test_several_processes_share_the_jobs(store: Store) -> None:
    with store.write() as c:
        made = [jobs.create(c, "count", None, {}) for _ in range(20)]
    claimed: list[str] = []

    def claim(owner: str) -> None:
        while lease := jobs.claim(store, owner, ["count"]):
            claimed.append(lease.job.id)

    threads = [threading.Thread(target=claim, args=[f"owner {number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(made)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:sec-ret@h:port/d",
        "postgresql://u:sec-ret@h/d?no_such_option=1",
    ],
)
def test_an_address_that_is_none_is_not_repeated(address: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="its address is no URL of PostgreSQL") as told:
        Store.open(tmp_path, address)
    assert "sec-ret" not in str(told.value)


def test_a_database_that_is_down_is_opened_later(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    roomy(monkeypatch)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    name = "later"
    store = Store.open(tmp_path, databases.address(name))
    for attempt in (store.read, store.write):
        with pytest.raises(Unavailable, match="the store cannot be reached"), attempt():
            raise AssertionError
    databases.create(name)
    with store.write() as c:
        datasets.create(c, "streets")
    assert store.signed("a", store.sign("a"))
    store.close()
    assert PASSWORD not in caplog.text and "database" in caplog.text
