"""Where a store lies: all of it in a folder, or its rows in PostgreSQL and its files in a folder or in S3."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import NamedTuple

from container.errors import setting_name
from container.s3 import FolderObjects, Location, Objects, S3Objects
from container.store.database import StoreError

SCHEME = "s3://"


class Place(NamedTuple):
    """Where a store lies."""

    files: str  # a folder, or s3://bucket/prefix
    database: str = ""  # the URL of one of PostgreSQL; empty: SQLite's file in the folder
    local_s3: str = ""  # a folder that stands for S3

    def in_s3(self) -> bool:
        """Return whether its files lie in S3."""
        return self.files.startswith(SCHEME)

    def folder(self) -> Path:
        """Return its folder; with S3 one of this machine for what comes in, made if it is not there.

        StoreError where there can be none.
        """
        if not self.in_s3():
            return Path(self.files)
        if not self.database:
            raise StoreError(
                f"S3 takes its files only; {setting_name('store_database')} has to name a database of PostgreSQL"
            )
        return _scratch(self.files)

    def objects(self) -> Objects | None:
        """Return its objects of S3; None if its files lie in a folder. StoreError for an address that is none."""
        if not self.in_s3():
            return None
        try:
            location = Location.parse(self.files)
        except ValueError as error:
            raise StoreError(str(error)) from None
        return FolderObjects(location, Path(self.local_s3)) if self.local_s3 else S3Objects(location)


def _scratch(files: str) -> Path:
    """Return a folder that is this user's alone, the same for all processes with this store."""
    name = f"maskserve-{os.getuid()}-{hashlib.sha256(files.encode()).hexdigest()[:12]}"
    path = Path(tempfile.gettempdir()) / name
    path.mkdir(mode=0o700, exist_ok=True)
    about = path.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise StoreError(f"{path}, where files wait for S3, is no folder of this user alone; remove it")
    return path
