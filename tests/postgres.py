"""A PostgreSQL of its own for each process of pytest: a cluster in a temporary folder, reached by a socket in it."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from container.store.store import Store

USER, PASSWORD = "maskserve", "sec-ret%2Fword"
MISSING = "skipped: no PostgreSQL"
_ROOTS = ("dataset", "model", "benchmark", "job", "preset", "blob")  # all else goes with them
_FAST = {"fsync": "off", "full_page_writes": "off", "listen_addresses": "", "shared_buffers": "32MB"}


def programs() -> Path | None:
    """The folder of PostgreSQL's programs; None if there are none, or nobody to run them: root may not."""
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb") or (str(there[-1]) if there else None)
    if found is None or (os.getuid() == 0 and subprocess.run(["id", "postgres"], capture_output=True).returncode):
        return None
    return Path(found).parent


class Cluster:
    """A server of PostgreSQL, started by `start`."""

    def __init__(self, bin: Path, folder: Path, **options: str) -> None:
        self._bin, self.folder = bin, folder
        self.data = folder / "data"
        self._options = {**_FAST, "unix_socket_directories": str(folder), **options}
        self._made = 0
        # As user postgres where this is root; it ends with this process.
        self._as = ["setpriv", "--pdeathsig=INT"]
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
            self._as += ["--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self._run(
            "initdb", "-D", self.data, "-U", USER, "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"
        )

    def start(self) -> None:
        """Start the server and wait until it answers; the children of one that was killed keep it out for a moment."""
        self._launch()
        end = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.address("postgres")).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < end, (self.folder / "log").read_text()[-3000:]
                time.sleep(0.02)
            if self.process.poll() is not None:
                time.sleep(0.1)
                self._launch()

    def stop(self, sign: int = signal.SIGINT) -> None:
        """End the server, whose clients are cut off."""
        self.process.send_signal(sign)
        self.process.wait()

    def _launch(self) -> None:
        options = [f"--{name}={value}" for name, value in self._options.items()]
        command = [*self._as, self._bin / "postgres", "-D", self.data, *options]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def address(self, database: str) -> str:
        """The URL of a database."""
        return f"postgresql://{USER}:{PASSWORD}@/{database}?host={self.folder}"

    def database(self, template: str = "template1") -> str:
        """Make a database, a copy of another one that nobody uses now; return its name."""
        self._made += 1
        name = f"made_{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def run(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement outside of any transaction; return its rows."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: object) -> None:
        command = [*self._as, self._bin / program, *map(str, arguments)]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)


@contextmanager
def started(**options: str) -> Iterator[Cluster]:
    """A cluster that runs; the test is skipped where there is no PostgreSQL."""
    found = programs()
    if found is None:
        pytest.skip(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="maskserve-pg-"))  # short: a socket's path has 107 characters at most
    folder.chmod(0o755)
    cluster = Cluster(found, folder, **options)
    try:
        cluster.start()
        yield cluster
    finally:
        if cluster.process.poll() is None:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Databases:
    """Databases with the empty tables of a store; one that a test has done with is emptied for the next."""

    def __init__(self, cluster: Cluster, scratch: Path) -> None:
        self._cluster = cluster
        self._template = cluster.database()
        self._free: list[str] = []
        Store.open(scratch, cluster.address(self._template)).close()

    @contextmanager
    def one(self) -> Iterator[str]:
        """The URL of a database."""
        name = self._free.pop() if self._free else self._cluster.database(self._template)
        yield self._cluster.address(name)
        # 10 ms, where TRUNCATE takes 56 and a new database 190; who still holds a lock keeps it out.
        empty = "; ".join(f"DELETE FROM {one}" for one in _ROOTS)
        again = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"
        self._cluster.run(f"SET lock_timeout = 3000; {empty}; {again}", name)
        self._free.append(name)

    def cut(self, address: str) -> None:
        """Cut off all connections to a database."""
        name = address.partition("@/")[2].partition("?")[0]
        self._cluster.run(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")

    def address(self, name: str) -> str:
        """The URL of a database that may not be there."""
        return self._cluster.address(name)

    def create(self, name: str) -> None:
        """Make a database without tables."""
        self._cluster.run(f"CREATE DATABASE {name}")

    def without_tables(self) -> str:
        """The URL of a database that was never opened as a store's."""
        return self._cluster.address(self._cluster.database())
