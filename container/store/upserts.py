"""INSERT … ON CONFLICT, which SQLite and PostgreSQL share and SQLAlchemy has once for each of them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")


def upsert(connection: Connection, table: Table, key: Sequence[str], replaced: Sequence[str] = ()) -> Any:
    """Return an INSERT that replaces columns of a row with the same `key`; without any it leaves the row untouched.

    Without a `key` it leaves any row untouched that it would conflict with.
    """
    insert: Any = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert
    statement = insert(table)
    if not replaced:
        return statement.on_conflict_do_nothing(index_elements=key or None)
    return statement.on_conflict_do_update(
        index_elements=key, set_={name: statement.excluded[name] for name in replaced}
    )


def batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield `rows` in lists of at most `size`."""
    iterator = iter(rows)
    while some := list(islice(iterator, size)):
        yield some
