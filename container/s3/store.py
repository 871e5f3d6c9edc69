"""Where objects are read and written: in S3, or in a folder that stands for it.

S3 is what AWS_ENDPOINT_URL_S3 names; credentials and region come from AWS's own configuration chain.
"""

import contextlib
import os
import uuid
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any

from container.errors import BadRequest, PayloadTooLarge, ServingError, Unavailable, setting_name
from container.s3.location import Location

# Of S3's answers: the request was understood, and another attempt will get the same.
_FINAL = ("NoSuchKey", "NoSuchBucket", "AccessDenied", "InvalidObjectState", "403", "404")


class Store(ABC):
    """Where objects are read and written; which of them a caller may name is not decided here."""

    @abstractmethod
    def read(self, location: Location, max_bytes: int) -> bytes:
        """The bytes of an object; BadRequest where it cannot be had, PayloadTooLarge over `max_bytes`, Unavailable."""

    @abstractmethod
    def write(self, location: Location, body: bytes, content_type: str) -> None:
        """Make or replace an object; BadRequest or Unavailable where that cannot be."""


class Folder(Store):
    """FOLDER/bucket/key: files below `root`, and none that links lead to outside of it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def read(self, location: Location, max_bytes: int) -> bytes:
        path = self._path(location)
        try:
            if path is None or not path.is_file():
                raise _unreadable(location, "there is no such object")
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > max_bytes:
                    raise _too_large(location, size, max_bytes)
                return file.read()
        except OSError as error:
            raise _unreadable(location, "its file cannot be read") from error

    def write(self, location: Location, body: bytes, content_type: str) -> None:
        path = self._path(location)
        if path is None:
            raise _unreadable(location, "it leads out of the folder that stands for S3")
        part = path.with_name(f".{uuid.uuid4().hex}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(body)
            part.replace(path)  # who sees the object sees all of it
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise Unavailable(f"{location} cannot be written") from error

    def _path(self, location: Location) -> Path | None:
        try:
            path = (self._root / location.bucket / location.key).resolve()
        except (OSError, RuntimeError):  # a part that is too long; a loop of links
            return None
        return path if path.is_relative_to(self._root) else None


class S3(Store):
    """Objects of S3; boto3 is imported when the first is asked for."""

    def read(self, location: Location, max_bytes: int) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            response = self._client.get_object(Bucket=location.bucket, Key=location.key)
            with response["Body"] as body:
                if response["ContentLength"] > max_bytes:
                    raise _too_large(location, response["ContentLength"], max_bytes)
                return bytes(body.read())
        except (BotoCoreError, ClientError) as error:
            raise _translate(error, location) from error

    def write(self, location: Location, body: bytes, content_type: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(Bucket=location.bucket, Key=location.key, Body=body, ContentType=content_type)
        except (BotoCoreError, ClientError) as error:
            raise _translate(error, location) from error

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        # A session of its own: boto3's default one is not made for threads.
        patience = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 3})
        return boto3.session.Session().client("s3", config=patience)


def _translate(error: Exception, location: Location) -> ServingError:
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    if code in _FINAL:
        return _unreadable(location, f"S3 answers {code}")
    return Unavailable(f"S3 cannot be asked for {location} now", retry_after=2)


def _unreadable(location: Location, reason: str) -> BadRequest:
    """The error for an object that cannot be had."""
    return BadRequest(f"{location} cannot be read: {reason}")


def _too_large(location: Location, size: int, max_bytes: int) -> PayloadTooLarge:
    """The error for an object over the limit."""
    return PayloadTooLarge(
        f"{location} is {size} bytes long; at most {max_bytes} are allowed",
        hint=f"{setting_name('max_payload_mb')} sets the limit",
    )
