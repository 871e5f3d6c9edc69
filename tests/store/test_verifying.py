"""verify tells what is wrong with a store, each thing in one line, and is silent about one that is whole."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from container.store import backups
from container.store.database import newest_schema
from container.store.store import Store
from container.store.verifying import verify
from tests.store.filled import blob_files, fill

OLD = 1_000_000_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with something in every table."""
    opened = Store.open(tmp_path_factory.mktemp("verifying") / "store")
    fill(opened)
    return opened


@pytest.fixture
def store(whole: Store, tmp_path: Path) -> Store:
    """A copy of it."""
    backups.backup(whole, tmp_path / "copy")
    return Store.current(tmp_path / "copy")


def wrong(store: Store) -> list[str]:
    return [line.text for line in verify(store) if line.wrong]


def execute(store: Store, *statements: str) -> None:
    """Write past all rules."""
    connection = sqlite3.connect(store.folder / "store.sqlite3")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def rewritten(store: Store, old: bytes, new: bytes) -> None:
    """Change bytes of the database's file where they are first, in an index or in its table."""
    path = store.folder / "store.sqlite3"
    store.close()
    path.write_bytes(path.read_bytes().replace(old, new, 1))


def blob(store: Store) -> Path:
    """The file of the first blob."""
    return blob_files(store)[0]


def replaced(path: Path, data: bytes) -> None:
    """Another file in its place, as the first one has two names."""
    path.unlink()
    path.write_bytes(data)


def test_a_whole_store_is_told_in_counts(store: Store) -> None:
    lines = list(verify(store))
    assert not [line for line in lines if line.wrong]
    assert {f"schema {newest_schema()}", "dataset: 2 rows", "item: 4 rows", "prediction: 4 rows"} <= {
        line.text for line in lines
    }
    assert lines[-1].text.startswith("blobs: 2 with ")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda store: blob(store).unlink(), "blob {blob}: its file is missing"),
        (lambda store: replaced(blob(store), b"x"), "blob {blob}: its file has 1 bytes instead of"),
        (
            lambda store: replaced(blob(store), blob(store).read_bytes()[:-1] + b"!"),
            "blob {blob}: its file has other bytes, with the SHA-256 ",
        ),
        (
            lambda store: execute(store, "UPDATE annotation SET blob = 'ab' WHERE blob IS NOT NULL"),
            "annotation: 1 rows name a blob without a row: ab",
        ),
        (
            lambda store: execute(store, "DELETE FROM item WHERE reference_id = 'a'"),
            "annotation: 2 rows name no row of item that is there: 2",
        ),
        (
            lambda store: execute(store, "DELETE FROM job WHERE type = 'modelRunCommit'"),
            "evaluation: 1 rows name no row of job",
        ),
        (lambda store: [one.unlink() for one in store.uploads.folder.iterdir()], "its file is missing"),
        (lambda store: rewritten(store, b"Running", b"Runnong"), "the database is damaged: row 1 missing from index"),
    ],
)
def test_what_is_wrong_is_one_line(damage: Callable[[Store], object], words: str, store: Store) -> None:
    name = blob(store).name
    damage(store)
    found = wrong(store)
    assert any(words.format(blob=name) in text for text in found), found
    assert not [text for text in found if "\n" in text]


def test_pages_of_a_broken_database_end_it_in_one_line(store: Store) -> None:
    path = store.folder / "store.sqlite3"
    store.close()
    data = bytearray(path.read_bytes())
    data[4096 * 2 : 4096 * 30] = os.urandom(4096 * 28)
    path.write_bytes(data)
    found = wrong(store)
    assert found and all(text.startswith("the database ") for text in found)


def test_files_without_a_row_are_no_fault(store: Store) -> None:
    young, old = (store.folder / "blobs" / "ab" / (letter * 64) for letter in "ab")
    young.parent.mkdir(exist_ok=True)
    for path in (young, old):
        path.write_bytes(b"x")
    os.utime(old, (OLD, OLD))
    lines = list(verify(store))
    assert not [line for line in lines if line.wrong]
    assert lines[-1].text == "blobs: 1 files without a row, of requests that failed; the server removes them"
