"""A folder that stands for S3: FOLDER/bucket/key."""

import contextlib
import os
import uuid
from pathlib import Path

from container.errors import Unavailable
from container.objects._base import Store, too_large, unreadable
from container.objects.location import Location


class Folder(Store):
    """Files below `root`, and none that links lead to outside of it."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def read(self, location: Location, most: int) -> bytes:
        path = self._path(location)
        try:
            if path is None or not path.is_file():
                raise unreadable(location, "there is no such object")
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > most:
                    raise too_large(location, size, most)
                return file.read()
        except OSError as error:
            raise unreadable(location, "its file cannot be read") from error

    def write(self, location: Location, body: bytes, content_type: str) -> None:
        path = self._path(location)
        if path is None:
            raise unreadable(location, "it leads out of the folder that stands for S3")
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
