"""Temporary folders for what archives hold, a model's size each: removed also after a process that was killed."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "maskserve-unpacked-"


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder for the time of the block; those of processes that are gone are removed on the way."""
    _sweep()
    path = Path(tempfile.mkdtemp(prefix="maskserve-"))
    lock = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = path.rename(path.with_name(_PREFIX + path.name))  # locked before anybody would sweep it
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _sweep() -> None:
    for path in Path(tempfile.gettempdir()).glob(_PREFIX + "*"):
        with suppress(OSError):  # another user's, or gone meanwhile
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError while its process is there
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
