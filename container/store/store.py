"""The store as a whole: its database, its blobs and its uploads, in a folder, or in PostgreSQL and S3.

store = Store.open("/data/store")
with store.write() as c:
    dataset_id = datasets.create(c, "streets")
"""

import fcntl
import hashlib
import hmac
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, exc, select

from container.errors import ServingError, Unavailable
from container.store.blobs import Blobs
from container.store.database import Database, StoreError, newest_schema, schema, sqlite, sqlite_reason
from container.store.files import Bucket, Disk
from container.store.places import Place
from container.store.tables import meta
from container.store.uploads import Uploads
from container.store.upserts import upsert

log = logging.getLogger("maskserve.store")

FREE_BYTES, FREE_SHARE = 1 << 30, 0.05  # of the disk, below which nothing more is written
LOOK_SECONDS = 1.0  # between two looks for a database that was down when the store was opened
_SECRET = "signing key"


class Store:
    """What is kept: `read` and `write` give connections to its database, which the functions beside this take."""

    def __init__(self, place: Place, migrated: bool) -> None:
        """`migrated`: whether another process has brought its tables up to date."""
        self.place = place
        self.folder = place.folder()
        incoming = self.folder / "uploads"
        self._objects = place.objects()
        if self._objects is None:
            self.blobs = Blobs(Disk(self.folder / "blobs"))
            self.uploads = Uploads(incoming)
        else:
            self.blobs = Blobs(Bucket(self._objects, "blobs/", incoming))
            self.uploads = Uploads(incoming, Bucket(self._objects, "uploads/", incoming))
        self._database = _database(self.folder, place.database)
        self._migrated = migrated
        self._migrating = threading.Lock()
        self._looked = -LOOK_SECONDS
        self._key: bytes | None = None

    @classmethod
    def open(cls, files: Path | str, database: str = "", local_s3: str = "") -> Self:
        """Open the store at a `Place`, making or updating it; StoreError, in one line, where that cannot be done.

        PostgreSQL and S3 that do not answer are no error: what needs them raises Unavailable until they do.
        """
        place = Place(str(files), database, local_s3)
        with _told(place.files):
            store = cls(place, migrated=False)
            store._make_folders()
            with nullcontext() if database else _locked(store.folder / "store.lock"):
                store._begin()
            return store

    @classmethod
    def current(cls, files: Path | str, database: str = "", local_s3: str = "") -> Self:
        """Open the store at a `Place` as it lies there, whoever else uses it.

        StoreError where there is none, or where its tables are not of this version.
        """
        place = Place(str(files), database, local_s3)
        if not place.in_s3() and not database and not (Path(files) / "store.sqlite3").is_file():
            raise StoreError(f"{files}: no store lies there")
        with _told(place.files):
            store = cls.attach(place)
            store._make_folders()
            with store.read() as connection:
                there = schema(connection)
            if there != newest_schema():
                raise StoreError(f"its tables are of version {there}, those of this Maskserve of {newest_schema()}")
            return store

    @classmethod
    def attach(cls, place: Place) -> Self:
        """Open the store that another process has opened and brought up to date."""
        return cls(place, migrated=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the data; see Database.read."""
        self._check_migrated()
        with self._database.read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection with one transaction; Unavailable, before anything is written, if the disk is short."""
        self.check_space()
        self._check_migrated()
        with self._database.write() as connection:
            yield connection

    def check_space(self) -> None:
        """Raise Unavailable if less than 1 GB of the disk is free; 5 % do where it only holds what comes in."""
        disk = shutil.disk_usage(self.folder)
        least = min(FREE_BYTES, FREE_SHARE * disk.total) if self._objects else FREE_BYTES
        if disk.free < least:
            raise Unavailable(
                f"the disk of the store has {disk.free / 2**30:.1f} GB left, and takes nothing more below "
                f"{least / 2**30:.1f}",
                retry_after=60,
            )

    def sign(self, text: str) -> str:
        """Return the signature of a text, such as a path; whoever can read the database can make one."""
        if self._key is None:
            with self.read() as connection:
                key = connection.execute(select(meta.c.value).filter_by(name=_SECRET)).scalar_one()
            self._key = bytes.fromhex(key)
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def signed(self, text: str, signature: str) -> bool:
        """Return whether a signature is the one of `text`."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._database.close()
        if self._objects:
            self._objects.close()

    def _make_folders(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("uploads",) if self._objects else ("blobs", "uploads"):
            (self.folder / name).mkdir(exist_ok=True)

    def _begin(self) -> None:
        """Look for the bucket, and bring the tables up to date, at once or, where PostgreSQL is down, once it is there.

        A bucket that does not answer may be there later.
        """
        try:
            self._check_bucket()
            self._migrate()
        except BaseException as error:
            if not self.place.database or not isinstance(error, Unavailable):
                self.close()
                raise
            log.warning("the store is opened later: %s", error.message)

    def _check_bucket(self) -> None:
        try:
            if self._objects:
                self._objects.check()
        except ValueError as error:
            raise StoreError(str(error)) from None
        except Unavailable as error:
            log.warning("masks, pictures and uploads are not to be had now: %s", error.message)

    def _check_migrated(self) -> None:
        """Bring the tables up to date if that has not been done; Unavailable if it cannot be done now."""
        if self._migrated:
            return
        if time.monotonic() < self._looked + LOOK_SECONDS or not self._migrating.acquire(blocking=False):
            raise Unavailable("the store cannot be reached: its database has not answered since this server started")
        try:
            self._migrate()
        except (StoreError, exc.SQLAlchemyError) as error:
            log.error("the store cannot be used: %s", getattr(error, "orig", None) or error)
            raise Unavailable("the store cannot be used; the server's log says why", retry_after=60) from None
        finally:
            self._looked = time.monotonic()
            self._migrating.release()

    def _migrate(self) -> None:
        self._database.migrate()
        with self._database.write() as connection:
            secret = {"name": _SECRET, "value": secrets.token_hex(32)}
            connection.execute(upsert(connection, meta, ("name",)), [secret])
        self._migrated = True


def _database(folder: Path, address: str) -> Database:
    if not address:
        return Database(sqlite(folder / "store.sqlite3"), sqlite_reason)
    from container.store import postgresql  # loads psycopg

    return Database(postgresql.engine(address), postgresql.reason)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Translate what is wrong with a store into a StoreError of one line."""
    try:
        yield
    except StoreError as error:
        raise StoreError(f"the store {name!r} cannot be opened: {error}") from None
    except OSError as error:
        raise StoreError(f"the store {name!r} cannot be opened: {error.strerror or error}") from None
    except (exc.SQLAlchemyError, ServingError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise StoreError(f"the store {name!r} cannot be opened: {reason}") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes away during the block."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
