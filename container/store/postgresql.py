"""Connections to PostgreSQL, and what its errors mean; loaded only where a database of it is named."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.pool import QueuePool

from container.gate import outside
from container.store import database
from container.store.database import StoreError

ANSWER_SECONDS = 60.0  # for one statement, after which the server is taken to be stalled
CONNECT_SECONDS = 5
LEFT_SECONDS = 600  # after which the server ends a transaction whose client does nothing
_WAIT_INTERVAL = 0.1  # psycopg's own: between two looks whether Ctrl-C was pressed

# What the operator's URL may change: a peer that has vanished is noticed within 25 s.
_OPTIONS = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "application_name": "maskserve",
}
# A lock is waited for as long as in SQLite. Who has turned durable commits off gets them here; any other level stays.
_PREPARE = """SELECT set_config('lock_timeout', %s, false),
    set_config('idle_in_transaction_session_timeout', %s, false),
    CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END"""

_BUSY = "is busy: others write to it"
_CHANGED = "was changed by others at the same moment"
_FULL = "has no space left on its disk"
_DOWN = "cannot be reached: its database is down, or starts"
_STATES = {  # the first two or all five characters of SQLSTATE
    "08": _DOWN,
    "57": _DOWN,  # shut down, crashed or starting
    "57014": _BUSY,  # a statement was cancelled
    # What was looked up a moment ago is gone, or is there: sent again, the request is answered rightly.
    "23503": _CHANGED,
    "23505": _CHANGED,
    "40": _CHANGED,  # a deadlock, or states that do not go together
    "55": _BUSY,  # a lock was not to be had in time
    "53": "is busy: its database has no memory or connections left",
    "53100": _FULL,
    "58": "cannot be read or written: the disk of its database fails",
    "XX": "cannot be read or written: its database is damaged",
    "25006": "cannot be written: its database is read-only",
    "25P03": _DOWN,  # LEFT_SECONDS are over
    "28": "cannot be reached: its database refuses the user, or the password",
    "3D": "cannot be reached: there is no such database",
    "42501": "cannot be written: its user may not",
    "42P01": "has lost its tables",
}

Result = TypeVar("Result")


class _Connection(psycopg.Connection[Any]):
    """A connection whose thread gives its place to others while it waits, and that a stalled server does not hold."""

    def wait(self, gen: PQGen[Result], interval: float = _WAIT_INTERVAL, timeout: float | None = None) -> Result:
        """Wait for an answer; OperationalError, and the end of this connection, if there is none in time."""
        until = time.monotonic() + ANSWER_SECONDS
        try:
            with outside():
                return super().wait(gen, interval, ANSWER_SECONDS if timeout is None else timeout)
        except psycopg.OperationalError:
            if time.monotonic() >= until:
                self.close()
            raise


def engine(address: str) -> Engine:
    """Return the engine of the database at a URL; StoreError, which repeats nothing of it, if it is none."""
    try:
        url = make_url(address).set(drivername="postgresql+psycopg")
        _, options = url.get_dialect()().create_connect_args(url)
        make_conninfo(**{**_OPTIONS, **options})
    except (exc.ArgumentError, psycopg.ProgrammingError, ValueError, TypeError):
        raise StoreError("its address is no URL of PostgreSQL, or has an option that is unknown") from None
    made = create_engine(
        url,
        creator=lambda: _Connection.connect(**{**_OPTIONS, **options}),
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=database.CONNECTIONS - 4,
        pool_timeout=database.LOCKED_SECONDS,
        pool_pre_ping=True,  # after a restart of the database no request fails: 0.1 ms
        pool_use_lifo=True,  # those that a burst has opened grow old
        pool_recycle=3600,
        hide_parameters=True,
    )
    locked = f"{1000 * database.LOCKED_SECONDS:.0f}"

    @event.listens_for(made, "connect")
    def prepare(connection: _Connection, _: object) -> None:
        connection.autocommit = True
        connection.execute(_PREPARE, (locked, f"{LEFT_SECONDS}s"))
        connection.autocommit = False

    @event.listens_for(made, "begin")
    def begin(connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        writes = connection.get_execution_options()["writes"]
        raw.read_only = not writes
        level = psycopg.IsolationLevel
        raw.isolation_level = level.READ_COMMITTED if writes else level.REPEATABLE_READ

    return made


def reason(error: exc.DBAPIError) -> str:
    """Return what is wrong with the database, or "" for an error that is ours."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if not state:
        return _DOWN if isinstance(error.orig, psycopg.OperationalError) else ""
    return next((_STATES[state[:size]] for size in (5, 2) if state[:size] in _STATES), "")


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Copy rows into the temporary table `incoming`, whose columns are those of `table`; it is gone when they are used.

    5,000 boxes take 146 ms, and 230 by as many INSERTs, over a socket: over a network each costs its way, too.
    """
    named = ", ".join(f'"{name}"' for name in columns)
    raw: Any = connection.connection.dbapi_connection
    try:
        with raw.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pg_temp.incoming")
            cursor.execute(
                f'CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS SELECT {named} FROM "{table}" WITH NO DATA'
            )
            with cursor.copy(f"COPY incoming ({named}) FROM STDIN") as copying:
                for row in rows:
                    copying.write_row(row)
    except psycopg.Error as error:
        if raw.closed:
            connection.invalidate(error)
        raise exc.DBAPIError.instance("COPY", None, error, psycopg.Error, connection_invalidated=raw.closed) from error
