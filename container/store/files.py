"""Files of the store by their names, on a disk or in S3: once kept, one never changes."""

import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from container.errors import NotFound, Unavailable
from container.gate import outside
from container.s3 import Objects
from container.s3.objects import AT_ONCE


class Entry(NamedTuple):
    """A file that is there: its name, and when it was written, in seconds since 1970."""

    name: str
    written: float


class Files(ABC):
    """Files by their names, which may hold slashes; all methods raise Unavailable where they cannot be reached."""

    @abstractmethod
    def keep(self, sources: Mapping[str, Path]) -> None:
        """Move files here, by the names that they get; they stay after a loss of power."""

    @abstractmethod
    def place(self, source: Path, name: str) -> None:
        """Move a file here, durable only after the caller's `os.sync()`."""

    @abstractmethod
    def open(self, name: str) -> BinaryIO:
        """Return an open file, at its beginning; NotFound if there is none."""

    @abstractmethod
    def copy(self, name: str, target: Path) -> int:
        """Give a file another name, outside; return how many bytes were copied for it. NotFound if there is none."""

    @abstractmethod
    def missing(self, names: Sequence[str]) -> set[str]:
        """Return those of some names that no file has."""

    @abstractmethod
    def remove(self, names: Sequence[str]) -> None:
        """Remove files, some of which may be gone."""

    @abstractmethod
    def entries(self, folder: str = "") -> Iterator[Entry]:
        """Yield the files below a folder of names, "ab/" or all of them, folder by folder."""


class Disk(Files):
    """Files in a folder; sources lie on the same disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, sources: Mapping[str, Path]) -> None:
        for name, source in sources.items():
            target = self._folder / name
            with _disk():
                target.parent.mkdir(exist_ok=True)
                with source.open("rb+") as file:
                    os.fsync(file.fileno())
                source.replace(target)
                sync_folder(target.parent)
                if target.parent != self._folder:
                    sync_folder(self._folder)

    def place(self, source: Path, name: str) -> None:
        target = self._folder / name
        target.parent.mkdir(exist_ok=True)
        source.replace(target)

    def open(self, name: str) -> BinaryIO:
        try:
            return (self._folder / name).open("rb")
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"there is no file {name[-64:]!r}") from None
        except OSError as error:
            raise Unavailable("a file of the store cannot be read: its disk fails, or refuses it") from error

    def copy(self, name: str, target: Path) -> int:
        source = self._folder / name
        try:
            os.link(source, target)
        except FileNotFoundError:
            raise NotFound(f"there is no file {name[-64:]!r}") from None
        except OSError:  # another disk, or one without links
            shutil.copyfile(source, target)
            return target.stat().st_size
        return 0

    def missing(self, names: Sequence[str]) -> set[str]:
        return {name for name in names if not (self._folder / name).exists()}

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            path = self._folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def entries(self, folder: str = "") -> Iterator[Entry]:
        start = self._folder / folder
        for path in sorted(start.iterdir()) if start.is_dir() else ():
            name = path.relative_to(self._folder).as_posix()
            if path.is_dir() and len(path.name) == 2:
                yield from self.entries(name)
            else:
                try:
                    yield Entry(name, path.stat().st_mtime)
                except FileNotFoundError:  # it has gone meanwhile
                    continue


class Bucket(Files):
    """Files in S3; what is read lies in a file of `scratch` without a name."""

    def __init__(self, objects: Objects, prefix: str, scratch: Path) -> None:
        """`prefix`, as "blobs/", begins the names of objects."""
        self._objects = objects
        self._prefix = prefix
        self._scratch = scratch

    def keep(self, sources: Mapping[str, Path]) -> None:
        with outside(), ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(self.place, source, name) for name, source in sources.items()]:
                done.result()

    def place(self, source: Path, name: str) -> None:
        """Durable at once."""
        with _disk(), source.open("rb") as file:
            self._objects.put(self._prefix + name, file)
        source.unlink(missing_ok=True)

    def open(self, name: str) -> BinaryIO:
        with _disk():
            file = tempfile.TemporaryFile(dir=self._scratch)
            try:
                self._objects.get(self._prefix + name, file)
                file.seek(0)
            except BaseException:
                file.close()
                raise
        return file

    def copy(self, name: str, target: Path) -> int:
        with target.open("wb") as file:
            self._objects.get(self._prefix + name, file)
            return file.tell()

    def missing(self, names: Sequence[str]) -> set[str]:
        with outside(), ThreadPoolExecutor(AT_ONCE) as pool:
            there = pool.map(lambda name: self._objects.has(self._prefix + name), names)
            return {name for name, has in zip(names, there, strict=True) if not has}

    def remove(self, names: Sequence[str]) -> None:
        self._objects.remove([self._prefix + name for name in names])

    def entries(self, folder: str = "") -> Iterator[Entry]:
        for one in self._objects.below(self._prefix + folder):
            yield Entry(one.name.removeprefix(self._prefix), one.written)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk() -> Iterator[None]:
    """Translate what goes wrong with a file on a disk."""
    try:
        yield
    except OSError as error:
        raise Unavailable("a file cannot be written: the disk of the store fails, or is full") from error
