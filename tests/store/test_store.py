"""Opening: folders, versions, schemas; signatures; what a disk or a lock does to a transaction."""

import multiprocessing
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect

from container.errors import Unavailable
from container.store import database, datasets, items, postgresql
from container.store import store as module
from container.store.database import StoreError
from container.store.store import Store
from container.store.tables import metadata
from tests.roomy import roomy
from tests.store.conftest import item_row


def _known(thing: object, name: str | None, kind: str, reflected: bool, other: object) -> bool:
    """Leave out what Alembic cannot compare: indexes of expressions, and the constraints in their place in SQLite."""
    return not (kind in ("index", "unique_constraint") and (name or "uq_").startswith("uq_"))


@pytest.mark.filterwarnings("ignore:autogenerate skipping:UserWarning")
def test_the_migrated_and_the_declared_schema_are_equal(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.read() as c:
        context = MigrationContext.configure(c, opts={"include_object": _known})
        assert compare_metadata(context, metadata) == []
        unique = {table: _unique(c, table) for table in metadata.tables}
    engine = create_engine("sqlite://") if not store.place.database else postgresql.engine(store.place.database)
    with engine.connect().execution_options(writes=True, seconds=1) as c:
        if store.place.database:
            c.exec_driver_sql("CREATE SCHEMA declared")
            c.exec_driver_sql("SET LOCAL search_path = declared")
        metadata.create_all(c)
        assert {table: _unique(c, table) for table in metadata.tables} == unique
    engine.dispose()


def _unique(connection: Connection, table: str) -> set[str]:
    """What must be unique in a table."""
    if connection.dialect.name == "sqlite":
        return {",".join(one["column_names"]) for one in inspect(connection).get_unique_constraints(table)}
    rows = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = %s"
    return {str(text).partition(" USING ")[2] for (text,) in connection.exec_driver_sql(rows, (table,))}


def test_what_was_written_is_there_after_opening_again(store: Store) -> None:
    with store.write() as c:
        dataset_id = datasets.create(c, "streets", item_metadata_schema={"a": 1})
    again = Store.open(store.folder, store.place.database)
    with again.read() as c:
        assert datasets.find(c, dataset_id).item_metadata_schema == {"a": 1}
    assert again.signed("a/b", store.sign("a/b")) and not again.signed("a/c", store.sign("a/b"))
    assert not again.signed("a/b", "é\udc80")
    again.close()


def test_a_folder_that_cannot_be_used_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "store.sqlite3").write_bytes(b"no database at all" * 100)
    for folder in ("file", "broken", "file/below"):
        with pytest.raises(StoreError, match=r"^the store '.*' cannot be opened: .+") as told:
            Store.open(tmp_path / folder)
        assert "\n" not in str(told.value)


def test_a_newer_schema_is_refused(store: Store) -> None:
    with store.write() as c:
        known = c.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        c.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer version of Maskserve"):
        Store.open(store.folder, store.place.database)
    with store.write() as c:  # of PostgreSQL, the next test uses it
        c.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{known}'")


def _open(
    folder: Path, address: str, started: "multiprocessing.synchronize.Barrier", results: "multiprocessing.Queue[str]"
) -> None:
    started.wait()
    store = Store.open(folder, address)
    results.put(store.sign("a"))
    store.close()


def test_processes_that_open_a_new_folder_at_once_make_one_store(tmp_path: Path, new_address: str) -> None:
    context = multiprocessing.get_context("spawn")
    started, results = context.Barrier(3), context.Queue()
    processes = [context.Process(target=_open, args=(tmp_path / "s", new_address, started, results)) for _ in range(3)]
    for process in processes:
        process.start()
    signatures = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert len(signatures) == 1


def test_a_failed_transaction_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as c:
        datasets.create(c, "streets")
        raise ZeroDivisionError
    with store.read() as c:
        assert datasets.every(c) == []


def test_a_lock_of_another_process_is_waited_for_and_then_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    roomy(monkeypatch)
    monkeypatch.setattr(database, "LOCKED_SECONDS", 0.3)
    store = Store.open(tmp_path)
    other = sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable, match="others write to it; nothing of this request"), store.write() as c:
        datasets.create(c, "streets")
    with store.read() as c:  # a write-ahead log keeps no reader out
        assert datasets.every(c) == []
    other.execute("COMMIT")
    with store.write() as c:
        datasets.create(c, "streets")
    other.close()
    store.close()


def test_a_disk_that_is_short_takes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FREE_BYTES", 1 << 60)
    with pytest.raises(Unavailable, match="the disk of the store has") as told, store.write():
        raise AssertionError
    assert told.value.retry_after == 60


def _fill(folder: Path, results: "multiprocessing.Queue[object]") -> None:
    import resource
    import signal

    module.FREE_BYTES = 0
    store = Store.open(folder)
    with store.write() as c:
        key = datasets.find(c, datasets.create(c, "streets")).key
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = (folder / "store.sqlite3-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 200_000, resource.RLIM_INFINITY))
    reasons = []
    for attempt in range(2):
        try:
            with store.write() as c:
                items.add(c, key, [item_row(f"{attempt}-{i}", text="x" * 1000) for i in range(2000)], replace=False)
        except Unavailable as error:
            reasons.append(error.message)
    with store.read() as c:
        left = items.count(c, key)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with store.write() as c:
        items.add(c, key, [item_row("after")], replace=False)
        integrity = c.exec_driver_sql("PRAGMA integrity_check").scalar()
    results.put((reasons, left, integrity))
    store.close()


def test_a_full_disk_loses_nothing_and_is_over_when_there_is_space(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=_fill, args=(tmp_path, results))
    process.start()
    reasons, left, integrity = results.get(timeout=60)
    process.join()
    assert len(reasons) == 2 and "nothing of this request has been written" in reasons[0]
    assert (left, integrity) == (0, "ok")


def test_a_transaction_waits_for_another_one_that_writes_to_the_same_dataset(
    store: Store, dataset: datasets.Dataset
) -> None:
    done = threading.Event()

    def slow() -> None:
        with store.write() as c:
            items.add(c, dataset.key, [item_row("late")], replace=False)
        done.set()

    thread = threading.Thread(target=slow)
    with store.write() as c:
        items.add(c, dataset.key, [item_row("early")], replace=False)
        thread.start()
        assert not done.wait(0.1)
    thread.join()
    with store.read() as c:  # an item's number is the order of commits
        assert [items.at(c, dataset.key, number).reference_id for number in (3, 4)] == ["early", "late"]
