"""The database of the store: connections, transactions, and the tables brought up to date at start.

database = Database(sqlite(folder / "store.sqlite3"))
database.migrate()
with database.write() as c:  # one transaction; durable at its end
    c.execute(…)
"""

import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, RootTransaction, create_engine, event, exc
from sqlalchemy import Connection as Connection  # also for those who call the store
from sqlalchemy.pool import QueuePool

from container.errors import BadRequest, Unavailable
from container.gate import outside

log = logging.getLogger("maskserve.store")

LOCKED_SECONDS = 20.0  # that a transaction waits for another one; the largest request is written in 16
CONNECTIONS = 32
CACHE_KIB = 8192  # of pages, for each connection
MAX_WAL = 64 << 20  # bytes of the write-ahead log that are kept between two transactions
SAID_SECONDS = 60.0  # between two log lines about a database that fails
MIGRATING = 0x6D61736B  # the lock in PostgreSQL of who brings tables up to date
SWEEPING = MIGRATING + 1  # and of who removes blobs
MIGRATIONS = Path(__file__).parent / "migrations"


class StoreError(Exception):
    """The store cannot be opened; one line for its operator."""


def new_id(prefix: str) -> str:
    """Return a new id, as in "ds_" and 20 characters."""
    return f"{prefix}_{secrets.token_hex(10)}"


def now() -> float:
    """Return the seconds since 1970, which rows hold because they outlive this process."""
    return time.time()


def sqlite(path: Path) -> Engine:
    """Return the engine of an SQLite file, which several processes may open; see https://sqlite.org/wal.html."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=CONNECTIONS - 8,
        pool_timeout=LOCKED_SECONDS,
        connect_args={"timeout": LOCKED_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # the driver would begin transactions itself, and too late
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",  # what is committed survives a loss of power
            "foreign_keys = ON",
            f"cache_size = -{CACHE_KIB}",
            f"journal_size_limit = {MAX_WAL}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and then writes fails where another one has written in between.
        options = connection.get_execution_options()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {1000 * options['seconds']:.0f}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options["writes"] else "BEGIN")

    return engine


class Database:
    """Transactions on an engine; thread-safe."""

    def __init__(self, engine: Engine, reason: Callable[[exc.DBAPIError], str]) -> None:
        """`reason` tells what is wrong with the database, or "" for an error that is ours."""
        self._engine = engine
        self._reason = reason
        # SQLite has one writer at a time, and its own queue of them is none: each looks again now and then.
        self._writing = threading.Lock() if engine.dialect.name == "sqlite" else None
        self._said = -SAID_SECONDS

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the data; Unavailable if the database does not answer."""
        with self._translated(), self._connection(writes=False, until=_soon()) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection with one transaction, which is committed at the end, or rolled back on an error.

        Unavailable if the database is locked for too long, full or broken: then nothing has been written.
        """
        until = _soon()
        with self._translated(), self._alone(until), self._connection(writes=True, until=until) as connection:
            yield connection

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._engine.dispose()

    def migrate(self) -> None:
        """Bring the tables up to date; StoreError if they are of a newer version.

        Of PostgreSQL it keeps other processes away; of SQLite the caller does.
        """
        with self.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATING})")
            there = schema(connection)
            from alembic import command

            config, known = _migrations()
            if there is not None and there not in known:
                raise StoreError(f"it is of a newer version of Maskserve (schema {there}); this one cannot read it")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def _alone(self, until: float) -> Iterator[None]:
        if self._writing is None:
            yield
            return
        with outside():
            if not self._writing.acquire(timeout=max(0.0, until - time.monotonic())):
                raise Unavailable("the store is busy: others write to it")
        try:
            yield
        finally:
            self._writing.release()

    @contextmanager
    def _connection(self, writes: bool, until: float) -> Iterator[Connection]:
        with outside():
            connection = self._engine.connect()
        try:
            connection.execution_options(writes=writes, seconds=max(0.0, until - time.monotonic()))
            with outside():  # until other processes have written
                transaction = connection.begin()
            with transaction:
                yield connection
                if writes:
                    _commit(transaction)
        finally:
            connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except exc.TimeoutError as error:
            raise self._unavailable("is busy: all its connections are in use", error) from error
        except exc.DataError as error:
            raise BadRequest("a number or a text of this request is none that a database takes") from error
        except exc.DBAPIError as error:
            reason = self._reason(error)
            if not reason:
                raise
            raise self._unavailable(reason, error.orig or error) from error
        except _InDoubt as error:
            lost = error.__cause__
            assert isinstance(lost, exc.DBAPIError)
            raise self._unavailable(
                self._reason(lost), lost, "it is not known whether this request was written"
            ) from lost

    def _unavailable(
        self, reason: str, error: BaseException, outcome: str = "nothing of this request has been written"
    ) -> Unavailable:
        if time.monotonic() - self._said > SAID_SECONDS:
            self._said = time.monotonic()
            log.error("the store %s: %s", reason, error)
        return Unavailable(f"the store {reason}; {outcome}")


class _InDoubt(Exception):
    """The connection was lost before the answer to a COMMIT."""


def _commit(transaction: RootTransaction) -> None:
    try:
        transaction.commit()
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            raise _InDoubt from error
        raise


def schema(connection: Connection) -> str | None:
    """Return the version of the tables that are there; None without any."""
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells what its plug-ins are, when it is imported
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def newest_schema() -> str:
    """Return the version of the tables that this code reads and writes."""
    return _migrations()[1][0]


def damages(connection: Connection) -> list[str]:
    """Return what the database finds wrong with its own file, at most 20 lines; PostgreSQL looks after its own."""
    if connection.dialect.name != "sqlite":
        return []
    lines = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars()
    return [line for line in lines if line != "ok"]


def copied(connection: Connection, path: Path) -> bool:
    """Copy the state that a connection sees into a new SQLite file, durably; False if it is no SQLite's.

    Nobody waits for it: who writes meanwhile does so to the log, which grows until the copy is done.
    """
    if connection.dialect.name != "sqlite":
        return False
    target = sqlite3.connect(path)
    try:
        driver: Any = connection.connection.driver_connection
        driver.backup(target)  # all pages at once: one after another it would begin anew at each change
    finally:
        target.close()
    return True


def _migrations() -> tuple[Any, list[str]]:
    """Return Alembic's configuration, and all versions of the tables, the newest first."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config, [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def _soon() -> float:
    """Return when a transaction that has not begun by then is given up, on the monotonic clock."""
    return time.monotonic() + LOCKED_SECONDS


def sqlite_reason(error: exc.DBAPIError) -> str:
    """Return what is wrong with an SQLite database, or "" for an error that is ours."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # without the details
    return {
        sqlite3.SQLITE_BUSY: "is busy: others write to it",
        sqlite3.SQLITE_LOCKED: "is busy: others write to it",
        sqlite3.SQLITE_FULL: "has no space left on its disk",
        sqlite3.SQLITE_IOERR: "cannot be read or written: its disk fails, or is full",
        sqlite3.SQLITE_READONLY: "cannot be written",
        sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    }.get(code, "")
