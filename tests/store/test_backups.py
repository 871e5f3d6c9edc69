"""Backups: a store that opens, of one moment, whoever writes meanwhile."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from container.store import backups, datasets, uploads
from container.store.database import StoreError
from container.store.store import Store
from container.store.verifying import verify
from tests.store.filled import blob_files, figures, files, fill, rows


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with something in every table."""
    fill(store)
    return store


def opened(folder: Path) -> Iterator[Store]:
    """A backup, opened as `serve` does it."""
    one = Store.open(folder)
    yield one
    one.close()


def test_a_backup_is_the_store(filled: Store, tmp_path: Path) -> None:
    assert backups.backup(filled, tmp_path / "copy") == 0
    (copy,) = opened(tmp_path / "copy")
    with filled.read() as one, copy.read() as two:
        assert rows(one) == rows(two) and figures(one, filled) == figures(two, copy)
    assert files(copy) == files(filled)
    assert {path.stat().st_nlink for path in blob_files(copy)} == {2}
    assert not [line.text for line in verify(copy) if line.wrong]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy", "store"]
    with filled.write() as c:  # each goes its own way
        datasets.create(c, "later")
    for path in blob_files(filled):
        path.unlink()
    with copy.read() as c:
        assert [one.name for one in datasets.every(c)] == ["farm"]
    assert len(blob_files(copy)) == 2


def test_rows_of_another_database_become_a_store(
    filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "copied", lambda *_: False)  # as PostgreSQL says
    backups.backup(filled, tmp_path / "copy")
    (copy,) = opened(tmp_path / "copy")
    with filled.read() as one, copy.read() as two:
        assert rows(one) == rows(two)


def test_without_links_files_are_copied(filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", link)
    assert backups.backup(filled, tmp_path / "copy") == sum(map(len, files(filled).values()))
    (copy,) = opened(tmp_path / "copy")
    assert files(copy) == files(filled)


def test_nothing_is_overwritten(filled: Store, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a file").touch()
    (tmp_path / ".other.part").mkdir()
    for name, words in (("there", "not empty"), ("there/a file", "not empty"), ("other", "another backup")):
        with pytest.raises(StoreError, match=words):
            backups.backup(filled, tmp_path / name)
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["a file"]
    (tmp_path / "bare").mkdir()
    backups.backup(filled, tmp_path / "bare")
    assert (tmp_path / "bare" / "store.sqlite3").is_file()


def test_a_backup_that_fails_leaves_nothing(filled: Store, tmp_path: Path) -> None:
    blob_files(filled)[0].unlink()
    with pytest.raises(StoreError, match="files of the store are missing"):
        backups.backup(filled, tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_job_that_ends_meanwhile_is_no_harm(filled: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_files, times = backups._files, []

    def disturbed(store: Store, connection: Connection, part: Path) -> int:
        times.append(len(uploads.held(connection)))
        if len(times) == 1:  # it has the moment at which the job runs, and no file yet
            with store.write() as c:
                c.execute(text("DELETE FROM job"))
                c.execute(text("DELETE FROM upload"))
            for path in store.uploads.folder.iterdir():
                path.unlink()
        return copy_files(store, connection, part)

    monkeypatch.setattr(backups, "_files", disturbed)
    backups.backup(filled, tmp_path / "copy")
    (copy,) = opened(tmp_path / "copy")
    with filled.read() as one, copy.read() as two:
        assert rows(one) == rows(two) and not rows(two)["job"] and times == [2, 0]


def test_others_write_meanwhile(filled: Store, tmp_path: Path) -> None:
    ended = threading.Event()

    def write() -> None:
        other = Store.attach(filled.place)
        while not ended.is_set():
            with other.write() as c:  # always two together
                datasets.create(c, "pair")
                datasets.create(c, "pair")
        other.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            backups.backup(filled, tmp_path / f"copy {number}")
    finally:
        ended.set()
        writer.join()
    seen = []
    for number in range(5):
        (copy,) = opened(tmp_path / f"copy {number}")
        with copy.read() as c:
            seen.append(len([one for one in datasets.every(c) if one.name == "pair"]))
    assert seen == sorted(seen) and not [one for one in seen if one % 2] and seen[-1] > 0
