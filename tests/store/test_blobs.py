"""Blobs and uploads: files by content, and what is swept."""

import dataclasses
import hashlib
import os
import time
from collections.abc import Iterator

import pytest

from container.errors import BadRequest, NotFound, Unavailable
from container.store import annotations, blobs, datasets, jobs, uploads
from container.store.annotations import TRUTH
from container.store.blobs import Blob
from container.store.store import Store
from tests.store.conftest import row
from tests.store.filled import blob_files

PNG = b"mask bytes"
SHA = hashlib.sha256(PNG).hexdigest()


def put(store: Store, data: bytes) -> str:
    """Keep some bytes, as a request does with a file of its own; return their SHA-256."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = store.uploads.folder / "part"
    path.write_bytes(data)
    store.blobs.keep({sha256: path})
    return sha256


def test_a_blob_is_one_file_however_often_it_is_sent(store: Store) -> None:
    assert put(store, PNG) == SHA == put(store, PNG)
    with store.write() as c:
        store.blobs.add(c, [Blob(SHA, len(PNG), "image/png")] * 2)
    with store.read() as c:
        assert blobs.find(c, SHA) == Blob(SHA, len(PNG), "image/png")
        with pytest.raises(NotFound):
            blobs.find(c, "0" * 64)
    with store.blobs.open(SHA) as file:
        assert file.read() == PNG
    with pytest.raises(NotFound):
        store.blobs.open("0" * 64)
    assert [path.name for path in blob_files(store)] == [SHA] == [one.name for one in store.blobs.entries()]


def test_a_row_without_its_file_is_never_written(store: Store) -> None:
    with pytest.raises(Unavailable), store.write() as c:
        store.blobs.add(c, [Blob(SHA, 1, "image/png")])
    with store.read() as c, pytest.raises(NotFound):
        blobs.find(c, SHA)


def test_blobs_that_no_row_holds_go_after_a_day(store: Store, dataset: datasets.Dataset) -> None:
    other = put(store, b"other")
    put(store, PNG)
    with store.write() as c:
        store.blobs.add(c, [Blob(SHA, 1, "image/png"), Blob(other, 1, "image/png")])
        held = dataclasses.replace(row("a", "1", kind="segmentation", key="s"), blob=SHA)
        annotations.add(c, TRUTH, dataset.key, [held], replace=False)
        assert store.blobs.sweep(c, time.time()) == 0
        assert store.blobs.sweep(c, time.time() + 2 * blobs.ORPHANED_SECONDS) == 1
    assert [path.name for path in blob_files(store)] == [SHA]


def test_files_without_a_row_go_within_days(store: Store) -> None:
    put(store, b"rowless")
    put(store, PNG)
    with store.write() as c:
        store.blobs.add(c, [Blob(SHA, 1, "image/png")])
        hours = [time.time() + hour * 3600 for hour in range(256)]
        assert sum(store.blobs._sweep_rowless(c, hour - blobs.ORPHANED_SECONDS) for hour in hours[:24]) == 0
        assert sum(store.blobs._sweep_rowless(c, hour + blobs.ORPHANED_SECONDS) for hour in hours) == 1
    assert [path.name for path in blob_files(store)] == [SHA]


def test_an_upload_is_taken_once_and_replaced_before(store: Store, dataset: datasets.Dataset) -> None:
    first, size = store.uploads.receive([b"ab", b"c"])
    second, _ = store.uploads.receive([b"d"])
    with store.write() as c:
        assert uploads.add(c, dataset.key, "r", first, size) is None
        assert uploads.add(c, dataset.key, "r", second, 1) == first
        assert uploads.take(c, dataset.key, "r").file == second
        with pytest.raises(NotFound, match="nothing has been uploaded as request 'r'"):
            uploads.take(c, dataset.key, "r")
    assert size == 3 and (store.uploads.folder / first).read_bytes() == b"abc"


def test_an_upload_that_breaks_off_leaves_no_file(store: Store) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"a"
        raise BadRequest("the body broke off")

    with pytest.raises(BadRequest):
        store.uploads.receive(pieces())
    assert list(store.uploads.folder.iterdir()) == []


def test_uploads_that_no_job_takes_go_after_a_day(store: Store, dataset: datasets.Dataset) -> None:
    left, size = store.uploads.receive([b"a"])
    taken, _ = store.uploads.receive([b"b"])
    form = store.uploads.folder / "form-1"
    form.mkdir()
    (form / "0").write_bytes(b"c")
    old = time.time() - 2 * uploads.LEFT_SECONDS
    for path in (store.uploads.folder / left, store.uploads.folder / taken, form):
        os.utime(path, (old, old))
    with store.write() as c:
        uploads.add(c, dataset.key, "r", left, size)
        jobs.create(c, "uploadPredictions", dataset.key, {"file": taken})
        assert store.uploads.sweep(c, time.time()) == 1  # the form
        assert store.uploads.sweep(c, time.time() + uploads.LEFT_SECONDS + 60) == 1
    assert [*store.uploads.folder.iterdir()] == [store.uploads.folder / taken]
