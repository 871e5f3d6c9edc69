"""Addresses of objects: what they may be, and which lie in which."""

import pytest

from container.s3 import Location


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://bucket/a/b.jpg", "bucket", "a/b.jpg"),
        ("s3://my-bucket.x/folder/", "my-bucket.x", "folder"),
        ("s3://bucket", "bucket", ""),
        ("s3://bucket/a b/é", "bucket", "a b/é"),
        ("s3://bucket/a..b/...", "bucket", "a..b/..."),
    ],
)
def test_parsed(text: str, bucket: str, key: str) -> None:
    assert Location.parse(text) == Location(bucket, key)


@pytest.mark.parametrize(
    "text",
    [
        "", "bucket/a", "https://bucket/a", "s3://", "s3:///a", "s3://B/a", "s3://-bucket/a", "s3://../a", "s3://a.b./c",
        "s3://bucket//etc/passwd", "s3://bucket/../a", "s3://bucket/a/..", "s3://bucket/./a", "s3://bucket/a//b",
        "s3://bucket/a\0b", "s3://bucket/a\nb", "s3://bucket/" + "x" * 1025, "s3://bucket/\udcff" + "x" * 1022,
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Location.parse(text)


@pytest.mark.parametrize(
    ("text", "folder", "within"),
    [
        ("s3://bucket/in/a", "s3://bucket/in", True),
        ("s3://bucket/in/deep/a", "s3://bucket/in/", True),
        ("s3://bucket/a", "s3://bucket", True),
        ("s3://bucket/in", "s3://bucket/in", False),
        ("s3://bucket/inner/a", "s3://bucket/in", False),
        ("s3://bucket2/in/a", "s3://bucket", False),
        ("s3://other/in/a", "s3://bucket/in", False),
    ],
)
def test_within(text: str, folder: str, within: bool) -> None:
    assert Location.parse(text).within(Location.parse(folder)) is within


def test_below() -> None:
    assert str(Location("bucket", "") / "a") == "s3://bucket/a"
    assert str(Location("bucket", "in") / "a/b") == "s3://bucket/in/a/b"
    with pytest.raises(ValueError):
        Location("bucket", "in") / "../out"
