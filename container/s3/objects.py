"""The objects below one location, for whoever keeps files there; clients name none of them.

objects = S3Objects(Location.parse("s3://bucket/store"))
with open("mask.png", "rb") as file:
    objects.put("blobs/mask.png", file)  # durable when it returns
"""

import contextlib
import os
import shutil
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

from container.errors import NotFound, Unavailable
from container.gate import outside
from container.s3.location import Location
from container.s3.store import client

AT_ONCE = 16  # requests of one caller, and connections
SECONDS, TRIES = 20, 2  # for S3 to answer one; 3 s for a connection
_ABSENT = ("404", "NoSuchKey")
_DELETED = 1000  # objects in one request to remove them
# What another attempt may change; all else is for the operator to mend.
_PASSING = (
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "500",
    "502",
    "503",
)

Answer = TypeVar("Answer")


class Found(NamedTuple):
    """An object: its name, and when it was written, in seconds since 1970."""

    name: str
    written: float


class Objects(ABC):
    """Objects by their names, which may hold slashes.

    All methods but `check` raise Unavailable where the store of objects does not answer, or answers no.
    """

    def __init__(self, place: Location) -> None:
        self.place = place

    @abstractmethod
    def check(self) -> None:
        """Raise ValueError, in one line, if objects cannot be kept here, and Unavailable if that is not known now."""

    @abstractmethod
    def close(self) -> None:
        """Close the connections that are not in use."""

    @abstractmethod
    def put(self, name: str, file: BinaryIO) -> None:
        """Write an object, or write it anew: all bytes of a file from its beginning."""

    @abstractmethod
    def get(self, name: str, file: BinaryIO) -> None:
        """Append an object's bytes to a file; NotFound if there is none."""

    @abstractmethod
    def has(self, name: str) -> bool:
        """Return whether there is such an object."""

    @abstractmethod
    def remove(self, names: Sequence[str]) -> None:
        """Remove objects, some of which may be gone."""

    @abstractmethod
    def below(self, folder: str) -> Iterator[Found]:
        """Yield the objects in a folder, as "blobs/", at any depth, in the order of their names; "" is all of them."""


class FolderObjects(Objects):
    """Objects as files below `root`, as ROOT/bucket/key: a folder that stands for S3."""

    def __init__(self, place: Location, root: Path) -> None:
        super().__init__(place)
        self._root = root
        self._folder = root / place.bucket / place.key

    def check(self) -> None:
        if not self._root.is_dir():
            raise ValueError(f"{str(self._root)!r}, which stands for S3, is no folder")

    def close(self) -> None:
        pass

    def put(self, name: str, file: BinaryIO) -> None:
        path = self._folder / name
        part = path.with_name(f".{uuid.uuid4().hex}")
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                file.seek(0)
                with part.open("wb") as to:
                    shutil.copyfileobj(file, to)
                    to.flush()
                    os.fsync(to.fileno())
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)

    def get(self, name: str, file: BinaryIO) -> None:
        with self._told():
            try:
                with (self._folder / name).open("rb") as source:
                    shutil.copyfileobj(source, file)
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise _absent(name) from None

    def has(self, name: str) -> bool:
        with self._told():
            return (self._folder / name).is_file()

    def remove(self, names: Sequence[str]) -> None:
        with self._told():
            for name in names:
                (self._folder / name).unlink(missing_ok=True)

    def below(self, folder: str) -> Iterator[Found]:
        with self._told():
            for path in sorted((self._folder / folder).rglob("*")):
                with contextlib.suppress(FileNotFoundError):  # it has gone meanwhile
                    if path.is_file():
                        yield Found(path.relative_to(self._folder).as_posix(), path.stat().st_mtime)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Say it as S3 would where the folder has gone, or its disk fails."""
        try:
            if not self._root.is_dir():
                raise FileNotFoundError
            yield
        except OSError as error:
            raise Unavailable("files of the store cannot be reached: the folder that stands for S3 fails") from error


class S3Objects(Objects):
    """Objects of S3."""

    def check(self) -> None:
        def look() -> None:
            with contextlib.closing(self._patient(5, 1)) as impatient:
                impatient.list_objects_v2(**self._named("", "Prefix"), MaxKeys=1)

        self._asked(look, ValueError)

    def put(self, name: str, file: BinaryIO) -> None:
        file.seek(0)
        self._asked(lambda: self._client.put_object(**self._named(name), Body=file))

    def get(self, name: str, file: BinaryIO) -> None:
        def read() -> None:
            with self._client.get_object(**self._named(name))["Body"] as body:
                shutil.copyfileobj(body, file, 1 << 20)

        self._asked(read)

    def has(self, name: str) -> bool:
        try:
            self._asked(lambda: self._client.head_object(**self._named(name)))
        except NotFound:
            return False
        return True

    def remove(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), _DELETED):
            keys = [{"Key": self._named(name)["Key"]} for name in names[start : start + _DELETED]]
            delete = partial(self._client.delete_objects, Delete={"Objects": keys, "Quiet": True})
            if refused := self._asked(partial(delete, Bucket=self.place.bucket)).get("Errors"):
                raise _failed(str(refused[0].get("Code", "")))

    def below(self, folder: str) -> Iterator[Found]:
        more: dict[str, str] = {}
        before = len(self._named("", "Prefix")["Prefix"])
        while True:
            page = self._asked(partial(self._client.list_objects_v2, **self._named(folder, "Prefix"), **more))
            for one in page.get("Contents", ()):
                yield Found(one["Key"][before:], one["LastModified"].timestamp())
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def close(self) -> None:
        if "_client" in self.__dict__:
            self._client.close()

    @cached_property
    def _client(self) -> Any:
        return self._patient(SECONDS, TRIES)

    def _patient(self, seconds: float, tries: int) -> Any:
        return client(connect_timeout=3, read_timeout=seconds, tries=tries, connections=AT_ONCE)

    def _named(self, name: str, key: str = "Key") -> dict[str, str]:
        return {"Bucket": self.place.bucket, key: f"{self.place.key}/{name}" if self.place.key else name}

    @outside()
    def _asked(self, ask: Callable[[], Answer], lasting: type[Exception] | None = None) -> Answer:
        """Return what S3 answers; NotFound, Unavailable, or `lasting` for what stays as it is until it is mended."""
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            ConnectionError,
            HTTPClientError,
            IncompleteReadError,
        )

        try:
            return ask()
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _ABSENT:
                raise _absent(self.place.bucket) from None
            if lasting and code not in _PASSING:
                raise lasting(_reason(code, self.place)) from None
            raise _failed(code) from error
        except (ConnectionError, HTTPClientError, IncompleteReadError) as error:  # nobody answers
            raise _failed(type(error).__name__) from error
        except BotoCoreError as error:  # such as no credentials
            if lasting:
                raise lasting(f"S3 cannot be asked for {self.place}: {str(error).splitlines()[0]}") from None
            raise _failed(type(error).__name__) from error


def _reason(code: str, place: Location) -> str:
    if code == "NoSuchBucket":
        return f"there is no bucket {place.bucket!r}"
    return f"S3 answers {code} when it is asked what lies in {place}"


def _absent(name: str) -> NotFound:
    return NotFound(f"there is no object {name[-64:]!r}")


def _failed(code: str) -> Unavailable:
    return Unavailable(
        f"files of the store cannot be reached: S3 fails ({code[:40] or 'without a reason'})", retry_after=2
    )
