"""Uploads: files that clients send ahead of the job that reads them, and bodies that wait for their transaction."""

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select

from container.errors import NotFound, ServingError, Unavailable, shown
from container.store.blobs import sync_folder
from container.store.database import new_id, now
from container.store.tables import job, upload

LEFT_SECONDS = 86_400.0  # after which an upload that no job has taken is removed


class Upload(NamedTuple):
    """An upload: its file's name in the folder, and its bytes."""

    request_id: str
    file: str
    size: int


class Uploads:
    """The files of uploads, all in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def receive(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Write an upload's bytes, durably; return the file's name and its size. Unavailable if the disk is full."""
        name = new_id("upload")
        path = self.folder / name
        try:
            with path.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            sync_folder(self.folder)
        except ServingError:  # of who sends it
            path.unlink(missing_ok=True)
            raise
        except OSError as error:
            path.unlink(missing_ok=True)
            raise Unavailable("an upload cannot be written: the disk of the store fails, or is full") from error
        return name, size

    def remove(self, name: str) -> None:
        """Remove the file of an upload."""
        (self.folder / name).unlink(missing_ok=True)

    def sweep(self, connection: Connection, now: float) -> int:
        """Remove uploads that no job has taken for a day, and files that no row names; return how many files."""
        old = now - LEFT_SECONDS
        connection.execute(delete(upload).where(upload.c.created_at < old))
        waiting = connection.execute(select(upload.c.file)).scalars().all()  # first: a job may take one meanwhile
        kept = {*waiting, *connection.execute(select(job.c.parameters).filter_by(status="Running")).scalars()}
        removed = 0
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):  # the request that it was of has ended meanwhile
                if path.stat().st_mtime < old and not any(path.name in one for one in kept):
                    # Forms have folders, which those that died in between have left.
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                    removed += 1
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
