"""Both stores answer alike; the folder keeps within itself, and S3 says what S3 says."""

import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from container.errors import BadRequest, PayloadTooLarge, Unavailable
from container.s3 import S3, Folder, Location, Store
from tests import aws
from tests.conftest import free_port

HERE = Location("bucket", "in/a.bin")


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    if request.param == "folder":
        return Folder(tmp_path)
    aws.use(monkeypatch, request.getfixturevalue("s3_url"))
    store = S3()
    store._client.create_bucket(Bucket="bucket")
    return store


def test_what_is_written_is_read(store: Store) -> None:
    for body in (b"first", b"second, in its place", b""):
        store.write(HERE, body, "image/png")
        assert store.read(HERE, max_bytes=20) == body


def test_what_cannot_be_read(store: Store) -> None:
    store.write(HERE, b"12345", "image/png")
    with pytest.raises(PayloadTooLarge, match="s3://bucket/in/a.bin is 5 bytes long; at most 4"):
        store.read(HERE, max_bytes=4)
    for missing in (Location("bucket", "in/b"), Location("no-such-bucket", "a"), Location("bucket", "in")):
        with pytest.raises(BadRequest, match="cannot be read"):
            store.read(missing, max_bytes=100)


def test_s3_keeps_the_content_type(monkeypatch: pytest.MonkeyPatch, s3_url: str) -> None:
    aws.use(monkeypatch, s3_url)
    store = S3()
    store._client.create_bucket(Bucket="bucket")
    store.write(HERE, b"x", "application/jsonlines")
    client = boto3.session.Session().client("s3")
    assert client.head_object(Bucket="bucket", Key="in/a.bin")["ContentType"] == "application/jsonlines"
    client.close()


def test_s3_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    aws.use(monkeypatch, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for action in (lambda: S3().read(HERE, 9), lambda: S3().write(HERE, b"", "image/png")):
        with pytest.raises(Unavailable, match="S3 cannot be asked"):
            action()


def test_links_lead_nowhere_else(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "bucket").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "bucket" / "file").symlink_to(tmp_path / "secret")
    (root / "bucket" / "folder").symlink_to(tmp_path)
    (root / "bucket" / "loop").symlink_to(root / "bucket" / "loop")
    for key in ("file", "folder/secret", "loop", "x" * 300):
        with pytest.raises((BadRequest, Unavailable)):
            Folder(root).read(Location("bucket", key), max_bytes=100)
        with pytest.raises((BadRequest, Unavailable)):
            Folder(root).write(Location("bucket", key), b"overwritten", "image/png")
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert sorted(path.name for path in (root / "bucket").iterdir()) == ["file", "folder", "loop"]


def test_a_folder_in_the_place_of_an_object(tmp_path: Path) -> None:
    store = Folder(tmp_path)
    store.write(Location("bucket", "a"), b"", "image/png")
    for key in ("a/b", ""):
        with pytest.raises(Unavailable, match="cannot be written"):
            store.write(Location("bucket", key), b"x", "image/png")


def test_boto3_is_imported_by_those_who_use_it() -> None:
    code = "import sys, container.app; sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
