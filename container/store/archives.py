"""A whole store as one file that any database reads: rows as lines of JSON, and blobs, in a tar.

write(store, file)  # file may be a pipe
read(other, file)  # which is empty: ids, numbers, figures and matches are the same there

The members are store.json (the format, and the version of the tables), rows/0001-dataset.jsonl and so on (the first
line has the columns), keys.json (the highest keys there have been), uploads/NAME, blobs/ab/SHA256, and end.json (what
there was). The same store gives the same bytes. The signing key stays behind: each store has its own.
"""

import base64
import hashlib
import io
import json
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import IO, Any, BinaryIO

from sqlalchemy import Connection, LargeBinary, Table, UniqueConstraint, exc, insert, select

from container.errors import NotFound
from container.store import uploads
from container.store.columns import metadata
from container.store.database import StoreError, new_id, newest_schema
from container.store.store import Store
from container.store.tables import blob, meta
from container.store.upserts import batches, go_on_behind, last_keys

FORMAT = {"format": "maskserve store", "version": 1}
TABLES = [table for table in metadata.sorted_tables if table is not meta]  # those that are named come first
KEYED = [table for table in TABLES if "id" in table.c]
PAGE = 200  # rows that are read or written at once; of a payload's largest size they are 200 MB
MEMBER = 4 << 20  # bytes of rows in one member, about
MOST = 1 << 30  # bytes that a member of rows may have
TRIES = 5
_PIECE = 1 << 20
_MEMBERS = re.compile(
    r"rows/\d+-(\w+)\.jsonl|(uploads)/(upload_[0-9a-f]+)|(blobs)/[0-9a-f]{2}/([0-9a-f]{64})|\w+\.json"
)


def write(store: Store, file: BinaryIO) -> Counter[str]:
    """Write a store as it is at one moment; return how many rows of each table, and how many files.

    StoreError if a blob is removed before its turn, which needs a deletion more than a day after its upload.
    """
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        connection, spool = _snapshot(store, stack)
        tar = stack.enter_context(tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT))
        _add(tar, "store.json", json.dumps({**FORMAT, "schema": newest_schema()}).encode())
        for number, (table, lines, data) in enumerate(_members(connection), 1):
            _add(tar, f"rows/{number:06}-{table.name}.jsonl", data)
            counts[table.name] += lines
        _add(tar, "keys.json", json.dumps(last_keys(connection, KEYED)).encode())
        for name, source in spool.items():
            _add_file(tar, f"uploads/{name}", source)
        names = select(blob.c.sha256).order_by(blob.c.sha256)
        with connection.execute(names, execution_options={"yield_per": 1000}) as result:
            for sha256 in result.scalars():
                with store.blobs.open(sha256) as source:
                    _add_file(tar, f"blobs/{sha256[:2]}/{sha256}", source)
        counts["files"] = counts["blob"] + len(spool)
        _add(tar, "end.json", json.dumps(counts, sort_keys=True).encode())
    return counts


def read(store: Store, file: BinaryIO) -> Counter[str]:
    """Fill an empty store from an archive, all of it or nothing; return the counts that `write` has returned.

    StoreError, in one line, for a store that is not empty, and for a file that is no archive, or cut short, or of
    another version.
    """
    try:
        with store.write() as connection:
            if full := [table.name for table in TABLES if connection.execute(select(table).limit(1)).first()]:
                raise StoreError(f"the store is not empty: it has rows of {', '.join(full)}")
            with tarfile.open(fileobj=file, mode="r|") as tar:
                counts = _Reader(store, connection, tar).read()
            os.sync()  # files are durable before their rows are
            return counts
    except (tarfile.TarError, EOFError) as error:
        raise StoreError(f"the archive cannot be read: {error}") from None
    except (exc.DBAPIError, exc.StatementError) as error:
        raise StoreError(f"the archive has rows that fit no table: {str(error.orig).splitlines()[0]}") from None


def copy_rows(source: Connection, target: Connection) -> None:
    """Copy all rows to an empty database."""
    for table, rows in _rows(source):
        target.execute(insert(table), [dict(zip(table.c.keys(), row, strict=True)) for row in rows])
    go_on_behind(target, last_keys(source, KEYED))


class _Reader:
    """Reads the members of an archive in turn."""

    def __init__(self, store: Store, connection: Connection, tar: tarfile.TarFile) -> None:
        self._store = store
        self._connection = connection
        self._tar = tar
        self._counts: Counter[str] = Counter(files=0)
        self._keys: dict[str, int] = {}

    def read(self) -> Counter[str]:
        """Read them all."""
        first = True
        while member := self._tar.next():
            self._tar.members.clear()  # type: ignore[attr-defined]  # which would hold 1 KB of each
            known, file = _MEMBERS.fullmatch(member.name), self._tar.extractfile(member)
            if known is None or file is None or first != (member.name == "store.json"):
                raise StoreError(f"the archive is none of a store: {member.name[:60]!r} is in it")
            first = False
            if known[1]:
                self._rows(known[1], member, file)
            elif name := known[3] or known[5]:
                self._file(known[2] or known[4], name, file)
            elif self._document(member, file):
                return self._counts
        raise StoreError("the archive cannot be read: it ends too early")

    def _document(self, member: tarfile.TarInfo, file: Iterable[bytes]) -> bool:
        """Read one of the small documents; return whether it is the last one."""
        value = _parsed(member, b"".join(file))
        if member.name == "store.json":
            if {name: value.get(name) for name in FORMAT} != FORMAT:
                raise StoreError("the archive is none of a store, or of a newer version of Maskserve")
            if value.get("schema") != newest_schema():
                raise StoreError(
                    f"the archive has tables of version {value.get('schema')}, this Maskserve of {newest_schema()}: "
                    "bring the store that it was made of to this version, and export again"
                )
        elif member.name == "keys.json":
            self._keys = {table.name: int(value.get(table.name, 0)) for table in KEYED}
        elif value == self._counts:
            go_on_behind(self._connection, self._keys)
            return True
        else:
            raise StoreError("the archive cannot be read: parts of it are missing")
        return False

    def _rows(self, name: str, member: tarfile.TarInfo, file: Iterable[bytes]) -> None:
        table = next((one for one in TABLES if one.name == name), None)
        if table is None or member.size > MOST:
            raise StoreError(f"the archive has rows of {name!r:.60}, or too many of them at once")
        lines = iter(file)
        if _parsed(member, next(lines, b"")) != table.c.keys():
            raise StoreError(f"the archive has other columns of {name}")
        binary = [column.name for column in table.c if isinstance(column.type, LargeBinary)]
        for some in batches(lines, PAGE):
            rows = []
            for line in some:
                values = _parsed(member, line)
                if not isinstance(values, list) or len(values) != len(table.c):
                    raise StoreError(f"{member.name} of the archive has a line that is no row")
                row = dict(zip(table.c.keys(), values, strict=True))
                rows.append(row | {column: base64.b64decode(row[column]) for column in binary})
            self._connection.execute(insert(table), rows)
            self._counts[name] += len(rows)

    def _file(self, folder: str, name: str, file: IO[bytes]) -> None:
        """Keep a blob, or an upload."""
        path = self._store.uploads.folder / new_id("part")
        digest = hashlib.sha256()
        try:
            with path.open("wb") as to:
                while piece := file.read(_PIECE):
                    digest.update(piece)
                    to.write(piece)
            if folder == "uploads":
                self._store.uploads.place(path, name)
            elif digest.hexdigest() == name:
                self._store.blobs.place(path, name)
            else:
                raise StoreError(f"the archive is damaged: blob {name} has other bytes")
        finally:
            path.unlink(missing_ok=True)
        self._counts["files"] += 1


def _snapshot(store: Store, stack: ExitStack) -> tuple[Connection, dict[str, BinaryIO]]:
    """Return a connection that sees one moment, and the uploads that jobs need at that, open: they go when jobs end."""
    for _ in range(TRIES):
        with ExitStack() as now:
            connection = now.enter_context(store.read())
            try:
                spool: dict[str, BinaryIO] = {
                    name: now.enter_context(store.uploads.open(name)) for name in uploads.held(connection)
                }
            except NotFound:
                continue
            stack.push(now.pop_all())
            return connection, spool
    raise StoreError("uploads of the store are missing: `store verify` tells which")


def _rows(connection: Connection) -> Iterator[tuple[Table, list[Any]]]:
    """Yield the rows of all tables, some at a time, in the order of their keys."""
    for table in TABLES:
        unique = next((one for one in table.constraints if isinstance(one, UniqueConstraint)), None)
        key = [*table.primary_key] or ([*unique.columns] if unique else [])
        rows = select(table).order_by(*key)
        with connection.execute(rows, execution_options={"yield_per": PAGE}) as result:
            for some in result.partitions():
                yield table, [*some]


def _members(connection: Connection) -> Iterator[tuple[Table, int, bytes]]:
    """Yield members of rows: the table, how many rows, and the lines."""
    held: tuple[Table, list[str], int] | None = None
    for table, rows in _rows(connection):
        if held and (held[0] is not table or held[2] > MEMBER):
            yield _member(held[0], held[1])
            held = None
        lines = [_line(row) for row in rows]
        size = sum(map(len, lines))
        held = (table, held[1] + lines, held[2] + size) if held else (table, lines, size)
    if held:
        yield _member(held[0], held[1])


def _member(table: Table, lines: list[str]) -> tuple[Table, int, bytes]:
    return table, len(lines), "\n".join([json.dumps(table.c.keys()), *lines, ""]).encode()


def _line(row: Any) -> str:
    values = [base64.b64encode(value).decode() if isinstance(value, bytes) else value for value in row]
    return json.dumps(values, allow_nan=False, separators=(",", ":"))


def _parsed(member: tarfile.TarInfo, data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise StoreError(f"{member.name} of the archive is no JSON") from None


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    _add_file(tar, name, io.BytesIO(data))


def _add_file(tar: tarfile.TarFile, name: str, source: BinaryIO) -> None:
    member = tarfile.TarInfo(name)
    member.size = source.seek(0, io.SEEK_END)
    source.seek(0)
    tar.addfile(member, source)
    tar.members.clear()  # type: ignore[attr-defined]
