"""Uploads: files that clients send ahead of the job that reads them, and bodies that wait for their transaction."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection, delete, insert, select

from container.errors import NotFound, ServingError, Unavailable, shown
from container.store.database import new_id, now
from container.store.files import Disk, Files
from container.store.tables import job, upload

LEFT_SECONDS = 86_400.0  # after which an upload that no job has taken is removed


class Upload(NamedTuple):
    """An upload: its file's name in the folder, and its bytes."""

    request_id: str
    file: str
    size: int


class Uploads:
    """The files of uploads, and a folder of this machine for what comes in: bodies, parts of forms, new blobs."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        """`files` are where uploads lie; without them it is `folder`."""
        self.folder = folder
        self._incoming = Disk(folder)
        self._files = files or self._incoming

    def receive(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Write an upload's bytes, durably; return its name and its size. Unavailable if the disk is full."""
        name = new_id("upload")
        path, size = self.write(pieces)
        try:
            self._files.keep({name: path})
        finally:
            path.unlink(missing_ok=True)
        return name, size

    def write(self, pieces: Iterable[bytes]) -> tuple[Path, int]:
        """Write bytes into a file of the folder; return it and its size. Unavailable if the disk is full."""
        path = self.folder / new_id("part")
        try:
            with path.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                return path, file.tell()
        except ServingError:  # of who sends it
            path.unlink(missing_ok=True)
            raise
        except OSError as error:
            path.unlink(missing_ok=True)
            raise Unavailable("an upload cannot be written: the disk of the store fails, or is full") from error

    def place(self, source: Path, name: str) -> None:
        """Move a file here, durable only after the caller's `os.sync()`."""
        self._files.place(source, name)

    def open(self, name: str) -> BinaryIO:
        """Return the open file of an upload; NotFound if there is none."""
        return self._files.open(name)

    def copy(self, name: str, target: Path) -> int:
        """Give an upload a name outside of the store; return how many bytes were copied for it. NotFound."""
        return self._files.copy(name, target)

    def missing(self, names: Sequence[str]) -> set[str]:
        """Return those of some names that no file has."""
        return self._files.missing(names)

    def remove(self, name: str) -> None:
        """Remove the file of an upload; where it cannot be reached, a sweep does that after a day."""
        with suppress(Unavailable):
            self._files.remove([name])

    def sweep(self, connection: Connection, now: float) -> int:
        """Remove uploads that no job has taken for a day, and files that no row names; return how many files."""
        old = now - LEFT_SECONDS
        connection.execute(delete(upload).where(upload.c.created_at < old))
        waiting = connection.execute(select(upload.c.file)).scalars().all()  # first: a job may take one meanwhile
        kept = {*waiting, *connection.execute(select(job.c.parameters).filter_by(status="Running")).scalars()}
        removed = 0
        for files in {self._incoming, self._files}:
            # Forms have folders, which those that died in between have left.
            left = [name for name, written in files.entries() if written < old and not any(name in one for one in kept)]
            files.remove(left)
            removed += len(left)
        return removed


def held(connection: Connection) -> list[str]:
    """Return the files that jobs which run read, and those that no job has taken yet."""
    running = connection.execute(select(job.c.parameters).filter_by(status="Running")).scalars()
    taken = [json.loads(parameters).get("file") for parameters in running]
    return sorted({*connection.execute(select(upload.c.file)).scalars(), *filter(None, taken)})


def add(connection: Connection, dataset: int, request_id: str, file: str, size: int) -> str | None:
    """Write the row of an upload; return the file that it replaces, if the same upload was sent before."""
    before = connection.execute(select(upload.c.file).filter_by(dataset_id=dataset, request_id=request_id)).scalar()
    connection.execute(delete(upload).filter_by(dataset_id=dataset, request_id=request_id))
    connection.execute(
        insert(upload).values(dataset_id=dataset, request_id=request_id, file=file, size=size, created_at=now())
    )
    return before


def forget(connection: Connection, dataset: int) -> list[str]:
    """Delete the rows of a dataset's uploads that no job has taken; return their files, which nobody needs then."""
    files = list(connection.execute(select(upload.c.file).filter_by(dataset_id=dataset)).scalars())
    connection.execute(delete(upload).filter_by(dataset_id=dataset))
    return files


def take(connection: Connection, dataset: int, request_id: str) -> Upload:
    """Return an upload and forget its row: a job owns the file from now on. NotFound if there is none."""
    row = connection.execute(select(upload).filter_by(dataset_id=dataset, request_id=request_id)).first()
    if row is None:
        raise NotFound(f"nothing has been uploaded as request {shown(request_id)} to this dataset")
    connection.execute(delete(upload).filter_by(id=row.id))
    return Upload(request_id, row.file, row.size)
