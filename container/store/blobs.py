"""Blobs: files known by their SHA-256, such as masks and pictures; on the disk before their row is in the database."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection, delete, exists, select

from container.errors import NotFound, Unavailable
from container.store.database import now
from container.store.tables import annotation, blob, item, prediction
from container.store.upserts import upsert

ORPHANED_SECONDS = 86_400.0  # after which a blob that no row holds is removed
SWEPT = 1000  # blobs in one transaction


class Blob(NamedTuple):
    """A blob's row."""

    sha256: str
    size: int
    media_type: str


class Blobs:
    """The files of blobs: below `folder`, in folders by the first two digits of their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, source: Path, sha256: str) -> None:
        """Move a file here, where it stays after a loss of power; its bytes have this SHA-256.

        It lies on the same disk. Unavailable if the disk is full.
        """
        target = self.path(sha256)
        try:
            target.parent.mkdir(exist_ok=True)
            with source.open("rb+") as file:
                os.fsync(file.fileno())
            source.replace(target)
            sync_folder(target.parent)
            sync_folder(self._folder)
        except OSError as error:
            raise Unavailable("a file cannot be written: the disk of the store fails, or is full") from error

    def place(self, source: Path, sha256: str) -> None:
        """Move a file here as `keep` does, durable only after the caller's `os.sync()`: 12 ms less for each of many."""
        target = self.path(sha256)
        target.parent.mkdir(exist_ok=True)
        source.replace(target)

    def path(self, sha256: str) -> Path:
        """Return where a blob lies."""
        return self._folder / sha256[:2] / sha256

    def open(self, sha256: str) -> BinaryIO:
        """Return an open blob; NotFound if there is none."""
        try:
            return self.path(sha256).open("rb")
        except OSError:
            raise NotFound(f"there is no file {sha256[:64]!r}") from None

    def files(self) -> Iterator[Path]:
        """Yield the files that are there, folder by folder."""
        for folder in sorted(self._folder.iterdir()):
            if folder.is_dir():
                yield from sorted(folder.iterdir())

    def add(self, connection: Connection, rows: Sequence[Blob]) -> None:
        """Write the rows of blobs that were kept; a sweep leaves them alone for a day from now on.

        Unavailable if a sweep has just removed one, so that the client sends it again.
        """
        if rows:
            values = [{**one._asdict(), "created_at": now()} for one in rows]
            connection.execute(upsert(connection, blob, ("sha256",), ("created_at",)), values)
        for one in rows:  # sweeps are transactions, too: none runs now
            if not self.path(one.sha256).exists():
                raise Unavailable("a file was removed while it was sent")

    def sweep(self, connection: Connection, now: float) -> int:
        """Remove blobs that no row has held for a day; return how many, at most SWEPT."""
        unheld = ~exists().where(item.c.blob == blob.c.sha256)
        for table in (annotation, prediction):
            unheld &= ~exists().where(table.c.blob == blob.c.sha256)
        old = select(blob.c.sha256).where(blob.c.created_at < now - ORPHANED_SECONDS, unheld).limit(SWEPT)
        still = blob.c.sha256.in_(list(connection.execute(old).scalars())), blob.c.created_at < now - ORPHANED_SECONDS
        names = list(connection.execute(delete(blob).where(*still).returning(blob.c.sha256)).scalars())
        for name in names:  # within the transaction; see `add`
            self.path(name).unlink(missing_ok=True)
        return len(names) + self._sweep_rowless(connection, now)

    def _sweep_rowless(self, connection: Connection, now: float) -> int:
        """Remove files without a row, left by requests that failed behind `keep`; return how many.

        Each hour it looks into one of the 256 folders: into all of them the store's writers would wait too long for.
        """
        part = f"{int(now // 3600) % 256:02x}"
        folder = self._folder / part
        if not folder.is_dir():
            return 0
        named = set(connection.execute(select(blob.c.sha256).where(blob.c.sha256.startswith(part))).scalars())
        removed = 0
        for path in folder.iterdir():
            if path.name not in named and path.stat().st_mtime < now - ORPHANED_SECONDS:
                path.unlink()
                removed += 1
        return removed


def page(connection: Connection, after: str, size: int) -> list[Blob]:
    """Return at most `size` rows in the order of their SHA-256, those behind `after`."""
    rows = select(blob.c.sha256, blob.c.size, blob.c.media_type).where(blob.c.sha256 > after)
    return [Blob(*row) for row in connection.execute(rows.order_by(blob.c.sha256).limit(size))]


def known(connection: Connection, names: Sequence[str]) -> set[str]:
    """Return those of some SHA-256 that have a row."""
    return set(connection.execute(select(blob.c.sha256).where(blob.c.sha256.in_(names))).scalars())


def find(connection: Connection, sha256: str) -> Blob:
    """Return a blob's row; NotFound if there is none."""
    row = connection.execute(select(blob).filter_by(sha256=sha256)).first()
    if row is None:
        raise NotFound(f"there is no file {sha256[:64]!r}")
    return Blob(row.sha256, row.size, row.media_type)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
