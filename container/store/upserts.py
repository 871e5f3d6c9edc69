"""What SQLite and PostgreSQL have once for each of them: INSERT … ON CONFLICT, locks, indexes of texts, next keys."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, Text, func, literal_column, select, text
from sqlalchemy.dialects import postgresql, sqlite

COPIED = 20  # rows, from which on PostgreSQL gets them faster by COPY
_LONG = 2000  # bytes of a text, of which an index entry of PostgreSQL takes 2,700

T = TypeVar("T")


def upsert(connection: Connection, table: Table, key: Sequence[str], replaced: Sequence[str] = ()) -> Any:
    """Return an INSERT that replaces columns of a row with the same `key`; without any it leaves the row untouched.

    Without a `key` it leaves any row untouched that it would conflict with.
    """
    insert: Any = (sqlite if _is_sqlite(connection) else postgresql).insert
    statement = insert(table).execution_options(preserve_rowcount=True)
    elements = _index(connection, table, key) or None
    if not replaced:
        return statement.on_conflict_do_nothing(index_elements=elements)
    return statement.on_conflict_do_update(
        index_elements=elements, set_={name: statement.excluded[name] for name in replaced}
    )


def put(
    connection: Connection,
    table: Table,
    key: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    replaced: Sequence[str] = (),
) -> int:
    """Add rows as `upsert` does, of those with the same `key` the first, or with `replaced` the last.

    Returns how many were added or replaced; one that another of `rows` replaces is counted, too.
    """
    if _is_sqlite(connection) or len(rows) < COPIED:
        return connection.execute(upsert(connection, table, key, replaced), rows).rowcount
    single: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:
        place = tuple(row[name] for name in key)
        if replaced or place not in single:
            single[place] = row  # at the place of the first
    from container.store.postgresql import copy

    columns = list(rows[0])
    copy(connection, table.name, columns, ([row[name] for name in columns] for row in single.values()))
    incoming: Any = select(*(literal_column(f'"{name}"') for name in columns)).select_from(text("incoming"))
    statement = upsert(connection, table, key, replaced).from_select(columns, incoming.order_by(text("ctid")))
    added = connection.execute(statement).rowcount
    return len(rows) if replaced else added


def with_others(connection: Connection, what: int) -> None:
    """Keep those who do something `alone` away to the end of this transaction; SQLite has one that writes at a time."""
    if not _is_sqlite(connection):
        connection.execute(select(func.pg_advisory_xact_lock_shared(what)))


def alone(connection: Connection, what: int) -> bool:
    """Keep those away who do something `with_others`; return False if there are some now."""
    return _is_sqlite(connection) or bool(connection.execute(select(func.pg_try_advisory_xact_lock(what))).scalar())


def lock(connection: Connection, table: Table, key: int) -> None:
    """Let others wait that lock this row, until the transaction ends; with SQLite all writers wait anyway."""
    if not _is_sqlite(connection):
        connection.execute(select(table.c.id).where(table.c.id == key).with_for_update(key_share=True))


def among(connection: Connection, column: ColumnElement[str], values: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a text, of which there is a unique index, is one of some values."""
    if _is_sqlite(connection):
        return column.in_(list(values))
    name = str(column.compile(dialect=connection.dialect))
    return literal_column(f"({short(name)})", Text).in_([_short(value) for value in values])


def short(name: str) -> str:
    """Return what PostgreSQL indexes in place of a text of any length, as SQL."""
    return f"CASE WHEN octet_length({name}) > {_LONG} THEN md5({name}) ELSE {name} END"


def one_by_one(connection: Connection, rows: Any) -> Iterator[Any]:
    """Yield rows while they are read: of some tables each may hold megabytes."""
    yield from connection.execute(rows.execution_options(stream_results=True, max_row_buffer=20))


def batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield `rows` in lists of at most `size`."""
    iterator = iter(rows)
    while some := list(islice(iterator, size)):
        yield some


def last_keys(connection: Connection, tables: Iterable[Table]) -> dict[str, int]:
    """Return the highest key that rows of tables have ever had, by the tables' names; the next one is higher.

    SQLite remembers it for tables with autoincrement only; for others it is the highest key that is there.
    """
    found = {}
    remembered = {}
    if connection.dialect.name == "sqlite":
        remembered = {name: seq for name, seq in connection.execute(text("SELECT name, seq FROM sqlite_sequence"))}
    for table in tables:
        highest = connection.execute(select(func.max(table.c.id))).scalar() or 0
        if connection.dialect.name != "sqlite":
            remembered[table.name] = connection.execute(
                text("SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence(:name, 'id')::regclass), 0)"),
                {"name": table.name},
            ).scalar_one()
        found[table.name] = max(highest, remembered.get(table.name, 0))
    return found


def go_on_behind(connection: Connection, keys: Mapping[str, int]) -> None:
    """Let the next rows of tables have higher keys than these; SQLite gives those of deleted rows again, as ever."""
    for name, key in keys.items():
        if connection.dialect.name != "sqlite":
            if key:
                statement = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :key)")
                connection.execute(statement, {"name": name, "key": key})
        elif connection.execute(
            text("SELECT 1 FROM sqlite_master WHERE name = :name AND sql LIKE '%AUTOINCREMENT%'"), {"name": name}
        ).first():
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": name})
            connection.execute(
                text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :key)"), {"name": name, "key": key}
            )


def _short(value: str) -> str:
    data = value.encode()
    return hashlib.md5(data, usedforsecurity=False).hexdigest() if len(data) > _LONG else value


def _index(connection: Connection, table: Table, key: Sequence[str]) -> list[Any]:
    if _is_sqlite(connection):
        return list(key)
    return [text(f"({short(name)})") if isinstance(table.c[name].type, Text) else name for name in key]


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
