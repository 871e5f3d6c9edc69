"""Pictures, the fake model behind the real application, and real servers in processes of their own."""

import fcntl
import io
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import skimage.data
from flask.testing import FlaskClient
from PIL import Image

from container import cores
from container.app import create_app
from container.check.processes import free_port
from container.settings import Settings
from tests.fakes import FakeEngine, ready_services

if TYPE_CHECKING:
    from tests.postgres import Databases

ROOT = Path(__file__).parent.parent

# Before torch: two processes whose threads spin while they wait took 171 s for the tests of engines, and take 104 so.
cores.share()

# A shell that runs pytest in its background has Ctrl-C ignored, and every process started here would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Locks of files that are there anyway, so that none are left behind. A forked child that outlives its test, or a
# process of pytest that the timeout ended, would go on holding them.
DOOR = os.open(ROOT, os.O_RDONLY)
ROOM = os.open(ROOT / "tests", os.O_RDONLY)
os.register_at_fork(after_in_child=lambda: (os.close(DOOR), os.close(ROOM)))


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around the timeout, which does not count the waiting
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Tests that are marked `alone` run while no other process of pytest is in a test."""
    fcntl.flock(DOOR, fcntl.LOCK_EX)  # for the time of waiting: who comes later does not get in first
    fcntl.flock(ROOM, fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH)
    fcntl.flock(DOOR, fcntl.LOCK_UN)
    try:
        return (yield)
    finally:
        fcntl.flock(ROOM, fcntl.LOCK_UN)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of slow tests come first and those of tests that run alone last, file by file as they were.

    Beside a file of the last kind another process gets one test in after each of it: the two take turns.
    """
    alone: dict[Path, list[bool]] = {}
    for item in items:
        alone.setdefault(item.path, []).append(item.get_closest_marker("alone") is not None)
    last = {path for path, tests in alone.items() if sum(tests) > len(tests) / 2}
    first = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: 2 if item.path in last else int(item.path not in first))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the faults came to; here, as conftest.py of folders is not read by the process that prints."""
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, [])]
    figures = [str(text) for one in reports for name, text in one.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(figures))


def encode(pixels: np.ndarray, form: str = "PNG", **options: object) -> bytes:
    """A picture as bytes of `form`."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def pixels_of(data: bytes) -> np.ndarray:
    """The pixels of an encoded picture."""
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.fixture(scope="session")
def small_png() -> bytes:
    """40 pixels wide, 30 high."""
    return encode(np.full((30, 40, 3), 128, np.uint8))


@pytest.fixture(scope="session")
def astronaut() -> bytes:
    """A photo of one person as JPEG, 512×512 (NASA, public domain)."""
    return encode(skimage.data.astronaut(), "JPEG", quality=92)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def client(engine: FakeEngine) -> Iterator[FlaskClient]:
    """A test client of the real application with the fake model."""
    app = create_app(Settings(), ready_services(engine))
    yield app.test_client()
    app.services.pool.close()


@dataclass
class Server:
    """A server in a process of its own."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    started: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ping(self, timeout: float = 2) -> int:
        """The status of /ping, 0 where nobody answers."""
        try:
            with urllib.request.urlopen(self.url + "/ping", timeout=timeout) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def wait(self, status: int = 200, seconds: float = 60) -> None:
        """Wait until /ping answers `status`."""
        end = time.monotonic() + seconds
        while self.ping() != status:
            assert time.monotonic() < end and self.process.poll() is None, self.log.read_text()[-3000:]
            time.sleep(0.05)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(35)


def launch(log: Path, *command: str, **environ: str) -> Server:
    """Start `serve`, or another command of the same contract, on a free port, with settings given by the environment.

    Its logs go to `log`, beside which it looks for a model.
    """
    port = free_port()
    settings = {
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "MASKSERVE_HOST": "127.0.0.1",
        "SAGEMAKER_BASE_DIR": str(log.parent),
        "MASKSERVE_DEVICE": "cpu",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SAGEMAKER_", "MASKSERVE_", "AWS_"))}
    with log.open("wb") as out:
        process = subprocess.Popen(
            command or (sys.executable, "-m", "container", "serve"),
            cwd=ROOT,
            env=kept | settings | environ,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a process group of its own, so that tests can see whether any of it is left
        )
    return Server(process, port, log, time.monotonic())


StartServer = Callable[..., Server]


def end(servers: list[Server]) -> None:
    """Kill servers with all of their processes."""
    for server in servers:
        with suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()


@pytest.fixture(scope="session")
def _running() -> Iterator[list[Server]]:
    servers: list[Server] = []
    yield servers
    end(servers)


@pytest.fixture(scope="module")
def _running_for_module(_running: list[Server]) -> Iterator[None]:
    before = len(_running)
    yield
    end(_running[before:])
    del _running[before:]


@pytest.fixture(autouse=True)
def _running_for_test(_running_for_module: None, _running: list[Server]) -> Iterator[None]:
    """Servers end with the test, or the module, that started them: 40 that stayed took 20 GB."""
    before = len(_running)
    yield
    end(_running[before:])
    del _running[before:]


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory, _running: list[Server]) -> StartServer:
    """Start `serve` (or another command of the same contract) with settings given as environment variables."""

    def start(*command: str, **environ: str) -> Server:
        _running.append(launch(tmp_path_factory.mktemp("server") / "log", *command, **environ))
        return _running[-1]

    return start


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real server with the embedded default model, ready."""
    started = launch(tmp_path_factory.mktemp("server") / "log")
    started.wait()
    yield started
    end([started])


@pytest.fixture(scope="session")
def start_slow_server(start_server: StartServer) -> Callable[..., Server]:
    """The real gunicorn and application around a fake model that takes its time."""

    def start(seconds: float, **environ: str) -> Server:
        return start_server(sys.executable, "-m", "tests.slow_server", MASKSERVE_TEST_SECONDS=str(seconds), **environ)

    return start


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Databases]":
    """Databases of PostgreSQL; skips where there is none."""
    from tests.postgres import Databases, started

    with started() as cluster:
        yield Databases(cluster, tmp_path_factory.mktemp("template"))


DATABASES = ["sqlite", "postgresql"]


def _address(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
    else:
        databases: Databases = request.getfixturevalue("databases")
        with databases.one() as address:
            yield address


@pytest.fixture(params=DATABASES)
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a store's database, empty for SQLite: tests of what touches the database run on both."""
    yield from _address(request)


@pytest.fixture(scope="module", params=DATABASES)
def address_of_module(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same for all tests of a module."""
    yield from _address(request)


@pytest.fixture(params=DATABASES)
def new_address(request: pytest.FixtureRequest) -> str:
    """The address of a store's database that has no tables yet, empty for SQLite."""
    if request.param == "sqlite":
        return ""
    databases: Databases = request.getfixturevalue("databases")
    return databases.without_tables()
