"""S3 URIs, s3://bucket/key: parsing, joining and containment."""

import re
from dataclasses import dataclass
from typing import Self

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_MAX_KEY = 1024  # bytes, the limit of S3


@dataclass(frozen=True)
class Location:
    """The location of one object, or of a folder if other keys start with its key."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse s3://bucket, s3://bucket/key or s3://bucket/folder/; ValueError with the reason.

        Key parts with a special meaning in a file system (empty, “.”, “..”) are rejected.
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
        """Return the location below this one with the given name, which may contain slashes."""
        return Location.parse(f"s3://{self.bucket}/{self.key}/{name}" if self.key else f"s3://{self.bucket}/{name}")

    def within(self, folder: "Location") -> bool:
        """Return True if the location is in `folder` at any depth; a bucket without a key contains everything in it."""
        return self.bucket == folder.bucket and (not folder.key or self.key.startswith(folder.key + "/"))
