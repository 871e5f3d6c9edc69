"""Object stores: S3, or a local folder in its place.

AWS_ENDPOINT_URL_S3 sets the S3 endpoint; credentials and region come from AWS's own configuration chain.
"""

import contextlib
import os
import uuid
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any

from container.errors import BadRequest, PayloadTooLarge, ServingError, Unavailable, setting_name
from container.gate import outside
from container.s3.location import Location

# S3 error codes that another attempt will not change.
_FINAL = ("NoSuchKey", "NoSuchBucket", "AccessDenied", "InvalidObjectState", "403", "404")


class Store(ABC):
    """Reads and writes objects; callers check which locations a client may access."""

    @abstractmethod
    def read(self, location: Location, max_bytes: int) -> bytes:
        """Return an object's bytes; BadRequest if it cannot be read, PayloadTooLarge over `max_bytes`, Unavailable."""

    @abstractmethod
    def write(self, location: Location, body: bytes, content_type: str) -> None:
        """Create or replace an object; BadRequest or Unavailable if that fails."""


class Folder(Store):
    """An object store in files below `root`, as FOLDER/bucket/key; links to outside of `root` are not followed."""

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
            part.replace(path)  # atomic: a reader never sees a partial object
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise Unavailable(f"{location} cannot be written") from error

    def _path(self, location: Location) -> Path | None:
        try:
            path = (self._root / location.bucket / location.key).resolve()
        except (OSError, RuntimeError):  # a path part that is too long; a loop of links
            return None
        return path if path.is_relative_to(self._root) else None


class S3(Store):
    """The S3 object store; boto3 is imported at the first access."""

    @outside()
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

    @outside()
    def write(self, location: Location, body: bytes, content_type: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(Bucket=location.bucket, Key=location.key, Body=body, ContentType=content_type)
        except (BotoCoreError, ClientError) as error:
            raise _translate(error, location) from error

    @cached_property
    def _client(self) -> Any:
        return client()


def client(connect_timeout: float = 5, read_timeout: float = 30, tries: int = 3, connections: int = 10) -> Any:
    """Return boto3's client of S3, which threads may share; it tries so often, and waits for so many seconds."""
    import boto3
    from botocore.config import Config

    # A separate session, because boto3's default session is not thread-safe.
    patience = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "max_attempts": tries},
        max_pool_connections=connections,
    )
    return boto3.session.Session().client("s3", config=patience)


def _translate(error: Exception, location: Location) -> ServingError:
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    if code in _FINAL:
        return _unreadable(location, f"S3 answers {code}")
    return Unavailable(f"S3 cannot be asked for {location} now", retry_after=2)


def _unreadable(location: Location, reason: str) -> BadRequest:
    """Return the error for an object that cannot be read."""
    return BadRequest(f"{location} cannot be read: {reason}")


def _too_large(location: Location, size: int, max_bytes: int) -> PayloadTooLarge:
    """Return the error for an object over the limit."""
    return PayloadTooLarge(
        f"{location} is {size} bytes long; at most {max_bytes} are allowed",
        hint=f"{setting_name('max_payload_mb')} sets the limit",
    )
