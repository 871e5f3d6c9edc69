"""Files of a store in S3, as moto plays it and as a folder that stands for it; its rows are PostgreSQL's."""

import hashlib
import io
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from container.errors import NotFound, Unavailable
from container.store import archives, backups, blobs, datasets, places, uploads
from container.store import store as module
from container.store.blobs import Blob
from container.store.database import StoreError
from container.store.store import Store
from container.store.verifying import verify
from tests import aws
from tests.conftest import free_port
from tests.postgres import Databases
from tests.roomy import roomy
from tests.store.filled import figures, files, fill, rows, store_command

PNG = b"mask bytes"
SHA = hashlib.sha256(PNG).hexdigest()
PLACE = "s3://bucket/store"


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with aws.moto_server() as url:
        yield url


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this machine's temporary files are."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp"


@pytest.fixture(params=["folder", "s3"])
def local_s3(request: pytest.FixtureRequest, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder that stands for S3; "" for S3, with an empty bucket."""
    if request.param == "folder":
        (tmp_path / "s3").mkdir()
        return str(tmp_path / "s3")
    aws.use(monkeypatch, request.getfixturevalue("s3_url"))
    resource = boto3.session.Session().resource("s3")
    bucket = resource.create_bucket(Bucket="bucket")
    bucket.objects.delete()
    return ""


@pytest.fixture
def store(databases: Databases, local_s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store."""
    roomy(monkeypatch)
    with databases.one() as address:
        opened = Store.open(PLACE, address, local_s3)
        yield opened
        opened.close()


def test_its_folder_may_lie_on_a_small_disk(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    disks = iter(SimpleNamespace(total=10 << 30, free=free << 20) for free in (520, 400))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: next(disks))
    monkeypatch.setattr(module, "FREE_BYTES", 1 << 30)
    store.check_space()
    with pytest.raises(Unavailable, match="has 0.4 GB left, and takes nothing more below 0.5"):
        store.check_space()


def put(store: Store, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    path, _ = store.uploads.write([data])
    store.blobs.keep({sha256: path})
    return sha256


def incoming(store: Store) -> list[Path]:
    """What has been left on this machine."""
    return [path for path in store.folder.rglob("*") if path.is_file()]


def test_nothing_stays_on_this_machine(store: Store, scratch: Path) -> None:
    fill(store)
    assert not [line.text for line in verify(store) if line.wrong]
    assert store.folder.parent == scratch and store.folder.stat().st_mode & 0o777 == 0o700
    assert {path.suffix for path in incoming(store)} <= {".part"}  # of the test itself
    with store.read() as c:
        held = uploads.held(c)
    assert len(held) == 2 and not store.uploads.missing(held)
    for name in held:
        with store.uploads.open(name) as file:
            assert file.read() in (b"{}\n", b"{}\n{}\n")


def test_a_blob_is_kept_read_and_swept(store: Store) -> None:
    assert put(store, PNG) == put(store, PNG) == SHA
    other, rowless = put(store, b"other"), put(store, b"rowless")
    with store.write() as c:
        store.blobs.add(c, [Blob(SHA, len(PNG), "image/png")] * 2 + [Blob(other, 5, "image/png")])
    with store.blobs.open(SHA) as file:
        assert file.read() == PNG and file.seek(0) == 0
    with pytest.raises(NotFound):
        store.blobs.open("0" * 64)
    with pytest.raises(Unavailable, match="removed while it was sent"), store.write() as c:
        store.blobs.add(c, [Blob("0" * 64, 1, "image/png")])
    assert {one.name for one in store.blobs.entries()} == {SHA, other, rowless}
    day = 2 * blobs.ORPHANED_SECONDS
    with store.write() as c:
        assert store.blobs.sweep(c, time.time()) == 0
        assert sum(store.blobs.sweep(c, time.time() + day + hour * 3600) for hour in range(256)) == 3
    assert not list(store.blobs.entries())


def test_no_sweep_runs_while_files_are_added(store: Store) -> None:
    put(store, PNG)
    later = time.time() + 2 * blobs.ORPHANED_SECONDS
    with store.write() as adding:
        store.blobs.add(adding, [Blob(SHA, len(PNG), "image/png")])
        with store.write() as sweeping:
            assert store.blobs.sweep(sweeping, later) == 0
    with store.write() as sweeping:
        assert store.blobs.sweep(sweeping, later) == 1


def test_uploads_that_no_job_takes_go_after_a_day(store: Store) -> None:
    left, size = store.uploads.receive([b"a"])
    kept, _ = store.uploads.receive([b"b"])
    part, _ = store.uploads.write([b"of a request that died"])
    os.utime(part, (0, 0))
    later = time.time() + 2 * uploads.LEFT_SECONDS
    with store.write() as c:
        dataset = datasets.find(c, datasets.create(c, "streets"))
        assert store.uploads.sweep(c, time.time()) == 1 and not part.exists()
        uploads.add(c, dataset.key, "r", left, size)
        assert store.uploads.sweep(c, later) == 2
    assert store.uploads.missing([left, kept]) == {left, kept}


def test_backup_export_and_import(
    store: Store, tmp_path: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store)
    assert backups.backup(store, tmp_path / "copy") > 0
    copy = Store.open(tmp_path / "copy")
    archive = io.BytesIO()
    archives.write(store, archive)
    with databases.one() as address:
        archive.seek(0)
        other = Store.open("s3://bucket/other", address, store.place.local_s3)
        archives.read(other, archive)
        with store.read() as one, copy.read() as two, other.read() as three:
            assert rows(one) == rows(two) == rows(three)
            assert figures(one, store) == figures(two, copy) == figures(three, other)
        assert len(files(copy)) == 4
        assert not [line.text for one in (copy, other) for line in verify(one) if line.wrong]
        other.close()
    copy.close()


def test_the_tools_take_it_from_the_settings(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fill(store)
    place = store.place
    monkeypatch.setenv("MASKSERVE_STORE", place.files)
    done = store_command("verify")
    assert done.exit_code == 1 and "MASKSERVE_STORE_DATABASE has to name a database of PostgreSQL" in done.stderr
    monkeypatch.setenv("MASKSERVE_STORE_DATABASE", place.database)
    monkeypatch.setenv("MASKSERVE_LOCAL_S3", place.local_s3)
    done = store_command("verify")
    assert done.exit_code == 0 and "nothing is wrong" in done.stdout, done.output
    done = store_command("export", str(tmp_path / "store.tar"))
    assert done.exit_code == 0 and "4 files" in done.stderr


def test_a_missing_blob_is_told(store: Store) -> None:
    fill(store)
    gone = next(store.blobs.entries()).name
    store.blobs._files.remove([f"{gone[:2]}/{gone}"])
    assert [line.text for line in verify(store) if line.wrong] == [f"blob {gone}: its file is missing"]
    with pytest.raises(StoreError, match="files of the store are missing"):
        backups.backup(store, store.folder / "copy")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ("s3://", "is not of the form s3://bucket/key"),
        ("s3://BUCKET/a", "is not of the form s3://bucket/key"),
        ("s3://bucket/../a", "has an empty part, or one that is . or .."),
        ("s3://no-such-bucket/a", "there is no bucket 'no-such-bucket'"),
    ],
)
def test_what_is_no_place_is_one_line(
    files: str, words: str, databases: Databases, s3_url: str, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    aws.use(monkeypatch, s3_url)
    with databases.one() as address, pytest.raises(StoreError) as told:
        Store.open(files, address)
    assert str(told.value).startswith(f"the store '{files}' cannot be opened: ") and words in str(told.value)
    assert "\n" not in str(told.value) and "sec-ret" not in str(told.value)


def test_s3_takes_no_database(scratch: Path) -> None:
    with pytest.raises(StoreError, match="S3 takes its files only; MASKSERVE_STORE_DATABASE has to name"):
        Store.open(PLACE)
    assert not list(scratch.iterdir())


def test_a_folder_of_others_is_not_used(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = places.Place(PLACE, "postgresql://x/y").folder()
    path.chmod(0o777)
    with pytest.raises(StoreError, match="is no folder of this user alone"):
        Store.open(PLACE, "postgresql://x/y")
    path.rmdir()
    path.symlink_to(scratch)
    with pytest.raises(StoreError, match="is no folder of this user alone"):
        Store.open(PLACE, "postgresql://x/y")


def test_s3_that_is_down_stops_no_start_and_no_rows(
    databases: Databases, s3_url: str, monkeypatch: pytest.MonkeyPatch, scratch: Path, caplog: pytest.LogCaptureFixture
) -> None:
    roomy(monkeypatch)
    aws.use(monkeypatch, f"http://127.0.0.1:{free_port()}")
    with databases.one() as address:
        store = Store.open(PLACE, address)
        assert "masks, pictures and uploads are not to be had now" in caplog.text
        for ask in (lambda: put(store, PNG), lambda: store.uploads.receive([b"a"]), lambda: store.blobs.open(SHA)):
            with pytest.raises(Unavailable, match="S3 fails"):
                ask()
        store.uploads.remove("upload_1")  # a sweep's
        with store.write() as c:
            datasets.create(c, "streets")
        store.close()
