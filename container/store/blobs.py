"""Blobs: files known by their SHA-256, such as masks and pictures; each is kept before its row is in the database."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection, delete, exists, select

from container.errors import NotFound, Unavailable
from container.store.database import SWEEPING, now
from container.store.files import Entry, Files
from container.store.tables import annotation, blob, item, prediction
from container.store.upserts import alone, upsert, with_others

ORPHANED_SECONDS = 86_400.0  # after which a blob that no row holds is removed
SWEPT = 1000  # blobs in one transaction


class Blob(NamedTuple):
    """A blob's row."""

    sha256: str
    size: int
    media_type: str


class Blobs:
    """The files of blobs, in folders by the first two digits of their SHA-256."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def keep(self, sources: Mapping[str, Path]) -> None:
        """Move files here, by the SHA-256 that their bytes have; they stay after a loss of power.

        They lie in the folder of uploads. Unavailable if the disk is full.
        """
        self._files.keep({_name(sha256): source for sha256, source in sources.items()})

    def place(self, source: Path, sha256: str) -> None:
        """Move a file here as `keep` does, durable only after the caller's `os.sync()`: 12 ms less for each of many."""
        self._files.place(source, _name(sha256))

    def open(self, sha256: str) -> BinaryIO:
        """Return an open blob; NotFound if there is none."""
        return self._files.open(_name(sha256))

    def copy(self, sha256: str, target: Path) -> int:
        """Give a blob a name outside of the store; return how many bytes were copied for it. NotFound."""
        return self._files.copy(_name(sha256), target)

    def entries(self) -> Iterator[Entry]:
        """Yield the files that are there by their SHA-256, folder by folder."""
        for name, written in self._files.entries():
            yield Entry(name[3:], written)

    def add(self, connection: Connection, rows: Sequence[Blob]) -> None:
        """Write the rows of blobs that were kept; a sweep leaves them alone for a day from now on.

        Unavailable if a sweep has just removed one, so that the client sends it again.
        """
        if not rows:
            return
        with_others(connection, SWEEPING)
        values = [{**one._asdict(), "created_at": now()} for one in rows]
        connection.execute(upsert(connection, blob, ("sha256",), ("created_at",)), values)
        if self._files.missing([*{_name(one.sha256) for one in rows}]):
            raise Unavailable("a file was removed while it was sent")

    def sweep(self, connection: Connection, now: float) -> int:
        """Remove blobs that no row has held for a day; return how many, at most SWEPT.

        None while others add some: the next sweep does it.
        """
        if not alone(connection, SWEEPING):
            return 0
        unheld = ~exists().where(item.c.blob == blob.c.sha256)
        for table in (annotation, prediction):
            unheld &= ~exists().where(table.c.blob == blob.c.sha256)
        old = select(blob.c.sha256).where(blob.c.created_at < now - ORPHANED_SECONDS, unheld).limit(SWEPT)
        still = blob.c.sha256.in_(list(connection.execute(old).scalars())), blob.c.created_at < now - ORPHANED_SECONDS
        names = list(connection.execute(delete(blob).where(*still).returning(blob.c.sha256)).scalars())
        self._files.remove([_name(sha256) for sha256 in names])  # within the transaction; see `add`
        return len(names) + self._sweep_rowless(connection, now)

    def _sweep_rowless(self, connection: Connection, now: float) -> int:
        """Remove files without a row, left by requests that failed behind `keep`; return how many.

        Each hour it looks into one of the 256 folders: into all of them the store's writers would wait too long for.
        """
        part = f"{int(now // 3600) % 256:02x}"
        named = set(connection.execute(select(blob.c.sha256).where(blob.c.sha256.startswith(part))).scalars())
        old = [
            name
            for name, written in self._files.entries(f"{part}/")
            if written < now - ORPHANED_SECONDS and name[3:] not in named
        ]
        self._files.remove(old)
        return len(old)


def _name(sha256: str) -> str:
    return f"{sha256[:2]}/{sha256}"


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
