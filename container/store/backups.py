"""A copy of a store that is in use, in a folder that `serve` opens."""

import os
import shutil
from pathlib import Path

from sqlalchemy import Connection, select

from container.errors import NotFound
from container.store import uploads
from container.store.archives import copy_rows
from container.store.database import StoreError, copied
from container.store.files import sync_folder
from container.store.store import Store
from container.store.tables import blob

TRIES = 5  # a job that ends, or a sweep, removes a file now and then


def backup(store: Store, folder: Path) -> int:
    """Copy a store to a folder that is not there yet, or empty; return how many bytes of files were copied, not linked.

    All of it is of one moment. Files are linked where both lie on one disk, since the store never writes to one again.
    StoreError if the folder has something in it: nothing is overwritten, and a copy that fails leaves nothing.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder} is there and not empty: a backup overwrites nothing")
    part = folder.with_name(f".{folder.name}.part")
    try:
        part.mkdir(parents=True)
    except FileExistsError:
        raise StoreError(f"{part} is there: another backup is being made, or one was ended; remove it") from None
    try:
        size = _copy(store, part)
        os.sync()
        part.replace(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return size


def _copy(store: Store, part: Path) -> int:
    for _ in range(TRIES):
        for name in ("blobs", "uploads"):
            (part / name).mkdir()
        with store.read() as connection:
            try:
                size = _files(store, connection, part)
            except NotFound:
                shutil.rmtree(part / "blobs")
                shutil.rmtree(part / "uploads")
                continue
            if not copied(connection, part / "store.sqlite3"):
                _rows(connection, part)
            return size
    raise StoreError("files of the store are missing: `store verify` tells which")


def _files(store: Store, connection: Connection, part: Path) -> int:
    """Link or copy the files of what a connection sees; NotFound if one has gone meanwhile.

    The uploads come first: jobs remove them as soon as they end.
    """
    size = 0
    for name in uploads.held(connection):
        size += store.uploads.copy(name, part / "uploads" / name)
    with connection.execute(select(blob.c.sha256), execution_options={"yield_per": 1000}) as names:
        for sha256 in names.scalars():
            target = part / "blobs" / sha256[:2] / sha256
            target.parent.mkdir(exist_ok=True)
            size += store.blobs.copy(sha256, target)
    return size


def _rows(connection: Connection, part: Path) -> None:
    """Copy the rows of another database into an SQLite file."""
    target = Store.open(part)
    with target.write() as to:
        copy_rows(connection, to)
    target.close()
