"""Addresses in S3, and the names of what lies below them."""

import boto3
import pytest

from deploy.errors import DeployError
from deploy.s3 import Place, S3Object, objects
from tests.deploy.conftest import REGION


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("s3://bucket/a/b", Place("bucket", "a/b")),
        ("s3://bucket/", Place("bucket", "")),
        ("s3://bucket", Place("bucket", "")),
        ("s3://bucket/ä b?#", Place("bucket", "ä b?#")),
    ],
)
def test_addresses(address: str, place: Place) -> None:
    assert Place.parse(address) == place


@pytest.mark.parametrize(
    "address", ["bucket/a", "s3://B/a", "https://bucket/a", "s3:///a", "s3://b", "s3://bu/" + "a" * 1025]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(DeployError, match=r"is not an address|is over"):
        Place.parse(address)


@pytest.mark.parametrize(
    ("prefix", "key", "name"),
    [
        ("in/", "in/a/b.jpg", "a/b.jpg"),
        ("in", "in/a/b.jpg", "a/b.jpg"),
        ("", "a/b.jpg", "a/b.jpg"),
        ("in/a.jpg", "in/a.jpg", "a.jpg"),
        ("in/ph", "in/photo.jpg", "photo.jpg"),
    ],
)
def test_names(prefix: str, key: str, name: str) -> None:
    assert Place("bucket", prefix).name_of(key) == name


@pytest.mark.parametrize(("prefix", "key"), [("in", "in/a.jpg"), ("in/", "in/a.jpg"), ("", "a.jpg")])
def test_below(prefix: str, key: str) -> None:
    assert Place("bucket", prefix).below("a.jpg") == Place("bucket", key)


def test_objects(mocked: None) -> None:
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("in/", "in/a.jpg", "in/b/c.jpg", "into.jpg"):
        s3.put_object(Bucket="bucket", Key=key, Body=b"123")
    assert list(objects(s3, Place("bucket", "in").folder())) == [S3Object("in/a.jpg", 3), S3Object("in/b/c.jpg", 3)]
