"""Addresses of objects: s3://bucket/key, and which of them lie below which."""

import re
from dataclasses import dataclass
from typing import Self

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_MAX_KEY = 1024  # bytes, in S3


@dataclass(frozen=True)
class Location:
    """One object, or with a key that others begin with, a folder of them."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """s3://bucket, s3://bucket/key or s3://bucket/folder/; ValueError says what is wrong.

        Parts of a key that a file system reads as something else (empty, “.”, “..”) are refused.
        """
        bucket, _, key = text.removeprefix("s3://").partition("/")
        key = key.removesuffix("/")
        if not text.startswith("s3://") or not _BUCKET.fullmatch(bucket):
            raise ValueError(f"{text[:100]!r} is not of the form s3://bucket/key")
        if key and {"", ".", ".."} & set(key.split("/")):
            raise ValueError(f"{text[:100]!r} has an empty part, or one that is . or ..")
        if _UNPRINTABLE.search(key) or len(key.encode("utf-8", "surrogatepass")) > _MAX_KEY:
            raise ValueError(f"{text[:100]!r} has a key that is not printable, or longer than {_MAX_KEY} bytes")
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def __truediv__(self, name: str) -> "Location":
        """What lies below under a name, or under several with slashes between them."""
        return Location.parse(f"s3://{self.bucket}/{self.key}/{name}" if self.key else f"s3://{self.bucket}/{name}")

    def within(self, folder: "Location") -> bool:
        """Whether it lies in a folder, at whatever depth; a bucket's name alone is all of the bucket."""
        return self.bucket == folder.bucket and (not folder.key or self.key.startswith(folder.key + "/"))
