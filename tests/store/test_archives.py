"""Archives: out of one store into another of any database, all of it or nothing."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from container.store import archives, benchmarks, datasets
from container.store.database import StoreError, newest_schema
from container.store.store import Store
from tests.roomy import roomy
from tests.store.filled import figures, files, fill, rows


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with something in every table, which is only read."""
    with pytest.MonkeyPatch.context() as patch:
        roomy(patch)
        opened = Store.open(tmp_path_factory.mktemp("archives") / "store")
        fill(opened)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def empty(source: Store) -> Iterator[Store]:
    """An empty store for archives that none can be filled from."""
    opened = Store.open(source.folder.parent / "empty")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def data(source: Store) -> bytes:
    """The archive of it."""
    return written(source)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    opened = Store.open(tmp_path / "other")
    yield opened
    opened.close()


@pytest.fixture
def into(tmp_path: Path, address: str) -> Iterator[Store]:
    """An empty store of either database."""
    opened = Store.open(tmp_path / "into", address)
    yield opened
    opened.close()


def written(store: Store) -> bytes:
    file = io.BytesIO()
    archives.write(store, file)
    return file.getvalue()


def test_a_store_comes_back_whole(source: Store, into: Store, data: bytes) -> None:
    counts = archives.read(into, io.BytesIO(data))
    with source.read() as one, into.read() as two:
        assert all(rows(one).values()), "a table without rows tests nothing"
        assert rows(one) == rows(two)
        assert figures(one, source) == figures(two, into)
        assert counts == {name: len(some) for name, some in rows(one).items()} | {"files": 4}
    assert files(source) == files(into) and len(files(source)) == 4
    assert written(into) == data  # no moment, no name of a machine is in it


def test_from_either_database_it_is_the_same(store: Store, other: Store) -> None:
    fill(store)
    archives.read(other, io.BytesIO(written(store)))
    with store.read() as one, other.read() as two:
        assert rows(one) == rows(two) and figures(one, store) == figures(two, other)


def test_keys_go_on_behind_those_that_were_there(store: Store, other: Store) -> None:
    fill(store)  # the last benchmark is deleted
    archives.read(other, io.BytesIO(written(store)))
    keys = []
    for one in (store, other):
        with one.write() as c:
            keys.append((benchmarks.create(c, "next", "draft").key, datasets.find(c, datasets.create(c, "x")).key))
    assert keys[0] == keys[1] == (4, 3)


def test_members_are_small_and_rows_of_all_pages_come_back(
    source: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "PAGE", 2)
    monkeypatch.setattr(archives, "MEMBER", 300)
    data = written(source)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert len([name for name in tar.getnames() if name.endswith("-annotation.jsonl")]) > 1
    archives.read(other, io.BytesIO(data))
    with source.read() as one, other.read() as two:
        assert rows(one) == rows(two)


def test_a_store_that_is_not_empty_stays_as_it_is(other: Store, data: bytes) -> None:
    with other.write() as c:
        datasets.create(c, "mine")
    with pytest.raises(StoreError, match="the store is not empty: it has rows of dataset"):
        archives.read(other, io.BytesIO(data))
    with other.read() as c:
        assert [one.name for one in datasets.every(c)] == ["mine"]


def changed(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """An archive with other members; without those that become None."""
    file = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar, tarfile.open(fileobj=file, mode="w") as out:
        for member in tar:
            source = tar.extractfile(member)
            assert source is not None
            if (new := change(member.name, source.read())) is not None:
                member.size = len(new)
                out.addfile(member, io.BytesIO(new))
    return file.getvalue()


def member(name: str, old: bytes, new: bytes | None) -> Callable[[bytes], bytes]:
    """Replaces bytes of members whose names have `name` in them; None leaves the members out."""

    def change(data: bytes) -> bytes:
        return changed(data, lambda one, text: text if name not in one else new and text.replace(old, new))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: b"", "cannot be read: empty file"),
        (lambda data: b"PK" + data, "cannot be read: "),
        (lambda data: data[: len(data) // 2], "cannot be read: "),
        (member("end.json", b"", None), "it ends too early"),
        (member("-prediction.", b"", None), "parts of it are missing"),
        (member("uploads/", b"", None), "parts of it are missing"),
        (member("blobs/", b"IDAT", b"IDOT"), "blob [0-9a-f]{64} has other bytes"),
        (member("store.json", b"maskserve", b"nobody's"), "none of a store, or of a newer"),
        (member("store.json", b'"schema": "', b'"schema": "9'), "tables of version 9.*export again"),
        (member("store.json", b"", None), "none of a store: 'rows/000001-blob.jsonl' is in it"),
        (member("-item.", b'"id"', b'"key"'), "other columns of item"),
        (member("-item.", b"[1,", b"[1 "), "is no JSON"),
        (member("-item.", b"[1,", b"["), "has a line that is no row"),
        (member("-item.", b'"di_', b'["di_"],"di_'), "has a line that is no row"),
        (member("dataset_tag.", b'"night"', b'["night"]'), "fit no table: Error binding parameter"),
        (member("-annotation.", b",1,", b",99,"), "fit no table: FOREIGN KEY"),
    ],
)
def test_a_bad_archive_is_told_in_one_line_and_leaves_nothing(
    change: Callable[[bytes], bytes], words: str, empty: Store, data: bytes
) -> None:
    with pytest.raises(StoreError, match=words) as told:
        archives.read(empty, io.BytesIO(change(data)))
    assert "\n" not in str(told.value)
    with empty.read() as c:
        assert not any(rows(c).values())


def test_names_in_an_archive_do_not_leave_the_store(empty: Store) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, data in (
            ("store.json", json.dumps({**archives.FORMAT, "schema": newest_schema()})),
            ("../../evil", "x"),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data.encode()))
    with pytest.raises(StoreError, match="none of a store"):
        archives.read(empty, io.BytesIO(file.getvalue()))
    assert not list(empty.folder.parent.rglob("evil"))


def test_what_happens_meanwhile_is_not_in_it(store: Store, other: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    with store.read() as c:
        before = rows(c)
    members = archives._members

    def disturbed(connection):
        for number, one in enumerate(members(connection)):
            if not number:
                with store.write() as c:
                    c.execute(text("DELETE FROM job"))
                    datasets.create(c, "new")
                for path in store.uploads.folder.iterdir():
                    path.unlink()
            yield one

    monkeypatch.setattr(archives, "_members", disturbed)
    archives.read(other, io.BytesIO(written(store)))
    with other.read() as c:
        assert rows(c) == before
    assert len(list(other.uploads.folder.iterdir())) == 2
