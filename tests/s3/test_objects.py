"""Objects below one location: a folder that stands for S3 does what S3 does."""

import io
import time
from pathlib import Path

import boto3
import pytest

from container.errors import NotFound, Unavailable
from container.s3 import FolderObjects, Location, Objects, S3Objects
from tests import aws
from tests.conftest import free_port

PLACE = Location("bucket", "a store/é")


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """Objects below a location, beside others."""
    if request.param == "folder":
        made: Objects = FolderObjects(PLACE, tmp_path)
        beside: Objects = FolderObjects(Location("bucket", "a store"), tmp_path)
    else:
        aws.use(monkeypatch, request.getfixturevalue("s3_url"))
        client = boto3.session.Session().client("s3")
        client.create_bucket(Bucket="bucket")
        client.close()
        made, beside = S3Objects(PLACE), S3Objects(Location("bucket", "a store"))
    beside.put("beside", io.BytesIO(b"beside"))
    made.remove([one.name for one in made.below("")])
    made.check()
    return made


def got(objects: Objects, name: str) -> bytes:
    file = io.BytesIO()
    objects.get(name, file)
    return file.getvalue()


def test_what_is_put_is_got_until_it_is_removed(objects: Objects) -> None:
    for body in (b"first", b"second, in its place", b""):
        file = io.BytesIO(body)
        file.seek(3)
        objects.put("blobs/ab/c", file)
        assert got(objects, "blobs/ab/c") == body and objects.has("blobs/ab/c")
    assert not objects.has("blobs/ab") and not objects.has("beside")
    objects.remove(["blobs/ab/c", "never there"])
    objects.remove([])
    assert not objects.has("blobs/ab/c")
    for name in ("blobs/ab/c", "blobs", "blobs/ab/c/d"):
        with pytest.raises(NotFound):
            got(objects, name)


def test_names_are_told_in_order_with_their_age(objects: Objects) -> None:
    names = [f"blobs/{i:04}" for i in range(1003)]  # S3 tells 1,000 at a time, and removes as many
    for name in ("uploads/a", *names):
        objects.put(name, io.BytesIO(b"x"))
    found = list(objects.below("blobs/"))
    assert [one.name for one in found] == names
    assert all(abs(one.written - time.time()) < 300 for one in found)
    assert [one.name for one in objects.below("")] == [*names, "uploads/a"]
    assert list(objects.below("c/")) == []
    objects.remove(names)
    assert [one.name for one in objects.below("")] == ["uploads/a"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    objects = FolderObjects(PLACE, tmp_path / "gone")
    with pytest.raises(ValueError, match="which stands for S3, is no folder"):
        objects.check()
    for ask in (lambda: objects.put("a", io.BytesIO()), lambda: got(objects, "a"), lambda: objects.has("a")):
        with pytest.raises(Unavailable, match="the folder that stands for S3 fails"):
            ask()


def test_a_bucket_that_is_not_there(monkeypatch: pytest.MonkeyPatch, s3_url: str) -> None:
    aws.use(monkeypatch, s3_url)
    objects = S3Objects(Location("no-such-bucket", ""))
    with pytest.raises(ValueError, match="^there is no bucket 'no-such-bucket'$"):
        objects.check()
    for ask in (lambda: objects.put("a", io.BytesIO()), lambda: got(objects, "a"), lambda: list(objects.below(""))):
        with pytest.raises(Unavailable, match="S3 fails"):
            ask()


def test_without_credentials(monkeypatch: pytest.MonkeyPatch, s3_url: str) -> None:
    aws.use(monkeypatch, s3_url)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(ValueError, match="S3 cannot be asked for s3://bucket/.*credentials"):
        S3Objects(PLACE).check()


def test_s3_that_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    aws.use(monkeypatch, f"http://127.0.0.1:{free_port()}")
    objects = S3Objects(PLACE)
    for ask in (objects.check, lambda: objects.put("a", io.BytesIO()), lambda: got(objects, "a")):
        with pytest.raises(Unavailable, match="S3 fails") as told:
            ask()
        assert told.value.retry_after == 2 and "127.0.0.1" not in told.value.message
