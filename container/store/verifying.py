"""Is a store whole? What it holds, and what is wrong in it, line by line, while others use it.

for line in verify(store):
    print(line.text)
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, ForeignKey, func, select
from sqlalchemy.exc import DatabaseError

from container.errors import NotFound, Unavailable
from container.store import blobs, uploads
from container.store.blobs import Blob
from container.store.columns import metadata
from container.store.database import damages, now, schema
from container.store.files import Entry
from container.store.store import Store
from container.store.tables import annotation, blob, item, prediction
from container.store.upserts import batches

PAGE = 1000  # blobs, or files, that are looked up at once
_PIECE = 1 << 18
NEW_SECONDS = 3600.0  # a file without a row may be of a request that is being written


class Line(NamedTuple):
    """What was found; `wrong` where the store is not whole."""

    text: str
    wrong: bool = False


def verify(store: Store) -> Iterator[Line]:
    """Yield what a store holds, and all that is wrong; it takes as long as reading every byte of it does."""
    try:
        with store.read() as connection:
            yield Line(f"schema {schema(connection)}")
            for text in damages(connection):
                yield Line(f"the database is damaged: {text}", wrong=True)
            for table in sorted(metadata.tables.values(), key=lambda one: one.name):
                number = connection.execute(select(func.count()).select_from(table)).scalar_one()
                yield Line(f"{table.name}: {number:,} rows")
            yield from _keys(connection)
            yield from _without_row(connection)
        yield from _blobs(store)
        yield from _uploads(store)
    except DatabaseError as error:
        reason = str(error.orig).splitlines()[0]
        yield Line(f"the database cannot be read on: {reason}", wrong=True)


def _keys(connection: Connection) -> Iterator[Line]:
    """Rows that name a row which is not there."""
    for table in metadata.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda one: one.parent.name):
            number, first = _dangling(connection, key)
            if number:
                named = key.column.table.name
                yield Line(f"{table.name}: {number:,} rows name no row of {named} that is there: {first} …", wrong=True)


def _dangling(connection: Connection, key: ForeignKey) -> tuple[int, int | None]:
    child, parent = key.parent, key.column.table.alias()
    rows = select(func.count(), func.min(child)).select_from(
        child.table.outerjoin(parent, parent.c[key.column.name] == child)
    )
    number, first = connection.execute(rows.where(child.is_not(None), parent.c[key.column.name].is_(None))).one()
    return number, first


def _without_row(connection: Connection) -> Iterator[Line]:
    """Items and annotations that name a blob without a row."""
    for table in (item, annotation, prediction):
        rows = select(func.count(), func.min(table.c.blob)).select_from(
            table.outerjoin(blob, blob.c.sha256 == table.c.blob)
        )
        where = table.c.blob.is_not(None), blob.c.sha256.is_(None)
        number, first = connection.execute(rows.where(*where)).one()
        if number:
            yield Line(f"{table.name}: {number:,} rows name a blob without a row: {first} …", wrong=True)


def _blobs(store: Store) -> Iterator[Line]:
    """Blobs whose files are gone or changed, and files without a row; no transaction is held while files are read."""
    after, number, size = "", 0, 0
    while some := _page(store, after):
        faults = {one.sha256: fault for one in some if (fault := _fault(store, one))}
        with store.read() as connection:  # a sweep may have removed some meanwhile
            there = blobs.known(connection, list(faults))
        yield from (Line(f"blob {name}: {text}", wrong=True) for name, text in faults.items() if name in there)
        after, number, size = some[-1].sha256, number + len(some), size + sum(one.size for one in some)
    yield Line(f"blobs: {number:,} with {size:,} bytes, each read and hashed")
    if rowless := sum(_rowless(store, some) for some in batches(store.blobs.entries(), PAGE)):
        yield Line(f"blobs: {rowless:,} files without a row, of requests that failed; the server removes them")


def _page(store: Store, after: str) -> list[Blob]:
    with store.read() as connection:
        return blobs.page(connection, after, PAGE)


def _fault(store: Store, one: Blob) -> str:
    """What is wrong with the file of a blob, or ""."""
    try:
        with store.blobs.open(one.sha256) as file:
            size = file.seek(0, 2)
            if size != one.size:
                return f"its file has {size:,} bytes instead of {one.size:,}"
            file.seek(0)
            hashed = hashlib.sha256()
            while piece := file.read(_PIECE):
                hashed.update(piece)
    except NotFound:
        return "its file is missing"
    except (OSError, Unavailable) as error:
        return f"its file cannot be read: {getattr(error, 'strerror', error)}"
    digest = hashed.hexdigest()
    return "" if digest == one.sha256 else f"its file has other bytes, with the SHA-256 {digest}"


def _rowless(store: Store, some: list[Entry]) -> int:
    old = [one.name for one in some if now() - one.written > NEW_SECONDS]
    with store.read() as connection:
        return len(set(old) - blobs.known(connection, old))


def _uploads(store: Store) -> Iterator[Line]:
    """Files that jobs will read and that are gone."""
    missing = _missing(store)
    for name in missing & _missing(store) if missing else ():  # a job may have ended meanwhile
        yield Line(f"upload {name}: its file is missing", wrong=True)


def _missing(store: Store) -> set[str]:
    with store.read() as connection:
        held = uploads.held(connection)
    return store.uploads.missing(held)
