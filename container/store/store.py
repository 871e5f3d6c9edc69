"""The store as a whole: a folder with its database, its blobs and its uploads.

store = Store.open(Path("/data/store"))
with store.write() as c:
    dataset_id = datasets.create(c, "streets")
"""

import fcntl
import hashlib
import hmac
import secrets
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, exc, insert, select

from container.errors import ServingError, Unavailable
from container.store.blobs import Blobs
from container.store.database import Database, StoreError, sqlite
from container.store.tables import meta
from container.store.uploads import Uploads

FREE_SHARE, FREE_BYTES = 0.05, 1 << 30  # of the disk, below which nothing more is written
_SECRET = "signing key"


class Store:
    """What is kept: `read` and `write` give connections to its database, which the functions beside this take."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.blobs = Blobs(folder / "blobs")
        self.uploads = Uploads(folder / "uploads")
        self._database = database
        with database.read() as connection:
            self._key = bytes.fromhex(connection.execute(select(meta.c.value).filter_by(name=_SECRET)).scalar_one())

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the store in `folder`, making or updating it; StoreError, in one line, where that cannot be done."""
        try:
            for one in (folder, folder / "blobs", folder / "uploads"):
                one.mkdir(parents=True, exist_ok=True)
            with _locked(folder / "store.lock"):
                database = Database(sqlite(folder / "store.sqlite3"))
                database.migrate()
                with database.write() as connection:
                    if connection.execute(select(meta.c.value).filter_by(name=_SECRET)).first() is None:
                        connection.execute(insert(meta).values(name=_SECRET, value=secrets.token_hex(32)))
            return cls(folder, database)
        except StoreError as error:
            raise StoreError(f"the store {str(folder)!r} cannot be opened: {error}") from None
        except OSError as error:
            raise StoreError(f"the store {str(folder)!r} cannot be opened: {error.strerror or error}") from None
        except (exc.SQLAlchemyError, ServingError) as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise StoreError(f"the store {str(folder)!r} cannot be opened: {reason}") from None

    @classmethod
    def attach(cls, folder: Path) -> Self:
        """Open the store in `folder` that another process has opened and brought up to date."""
        return cls(folder, Database(sqlite(folder / "store.sqlite3")))

    def read(self) -> AbstractContextManager[Connection]:
        """Give a connection that sees one state of the data; see Database.read."""
        return self._database.read()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection with one transaction; Unavailable, before anything is written, if the disk is short."""
        self.check_space()
        with self._database.write() as connection:
            yield connection

    def check_space(self) -> None:
        """Raise Unavailable if less than 5 % or 1 GB of the disk is free."""
        disk = shutil.disk_usage(self.folder)
        if disk.free < max(FREE_BYTES, FREE_SHARE * disk.total):
            raise Unavailable(
                f"the disk of the store has {disk.free / 2**30:.1f} GB left, and takes nothing more below "
                f"{max(FREE_BYTES, FREE_SHARE * disk.total) / 2**30:.1f}",
                retry_after=60,
            )

    def sign(self, text: str) -> str:
        """Return the signature of a text, such as a path; whoever can read the database can make one."""
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def signed(self, text: str, signature: str) -> bool:
        """Return whether a signature is the one of `text`."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        """Close the database."""
        self._database.close()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes away during the block."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
