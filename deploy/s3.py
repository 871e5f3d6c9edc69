"""Places in S3: s3://bucket/key, and what lies below them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from deploy.errors import DeployError

# Of general purpose buckets. Source: "Bucket naming rules" in the S3 user guide.
_ADDRESS = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?", re.DOTALL)
MAX_KEY = 1024  # bytes


@dataclass(frozen=True)
class Place:
    """A bucket and a key, or the beginning of keys; "" is the whole bucket."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, address: str) -> "Place":
        """The place of "s3://bucket/a/b"; DeployError for what is no such address."""
        match = _ADDRESS.fullmatch(address)
        if match is None:
            raise DeployError(f"{address[:200]!r} is not an address in S3, such as s3://bucket/folder/")
        key = match.group(2) or ""
        if len(key.encode()) > MAX_KEY:
            raise DeployError(f"the key of {address[:60]!r}… is over {MAX_KEY} bytes")
        return cls(match.group(1), key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def folder(self) -> "Place":
        """Without what only begins with the same letters: ("b", "in") → ("b", "in/")."""
        return Place(self.bucket, self.key.rstrip("/") + "/" if self.key else "")

    def below(self, name: str) -> "Place":
        """The place of `name` in this folder: ("b", "in") with "a.jpg" → ("b", "in/a.jpg")."""
        return Place(self.bucket, self.folder().key + name)

    def name_of(self, key: str) -> str:
        """The rest of a key: "in/a/b.jpg" below "in" or "in/" → "a/b.jpg"; of the place's own key the last part."""
        folder = self.folder().key
        return key[len(folder) :] if key.startswith(folder) else key[self.key.rfind("/") + 1 :]


class _PlaceType(click.ParamType[Place]):
    name = "s3://bucket/prefix"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        if isinstance(value, Place):
            return value
        try:
            return Place.parse(value)
        except DeployError as error:
            self.fail(error.message, param, ctx)


PLACE = _PlaceType()  # of a command line's option


@dataclass(frozen=True)
class S3Object:
    """What a listing says about an object."""

    key: str
    size: int  # bytes


def objects(s3: Any, place: Place) -> Iterator[S3Object]:
    """The objects whose keys begin with the place's, but for the empty ones that stand for folders."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key):
        for one in page.get("Contents", ()):
            if not one["Key"].endswith("/"):
                yield S3Object(one["Key"], one["Size"])


def read(s3: Any, place: Place) -> bytes:
    """The bytes of one object."""
    with s3.get_object(Bucket=place.bucket, Key=place.key)["Body"] as body:
        return bytes(body.read())
