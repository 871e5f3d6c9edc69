"""A database of PostgreSQL that is down, dies, is stalled or full: predictions go on, and nothing is lost."""

import os
import shutil
import signal
import statistics
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
import psycopg
import pytest
import requests

from tests.conftest import Server
from tests.faults.conftest import Figure
from tests.faults.test_nucleus_kills import check_objects
from tests.faults.test_store import BOXES, Client
from tests.faults.uploading import STORED, Uploading
from tests.postgres import PASSWORD, Cluster, started

DEATHS = int(os.environ.get("KILLS", "2"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 6 * DEATHS)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with started() as one:
        yield one


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> str:
    return cluster.database()


@pytest.fixture(scope="module")
def server(
    cluster: Cluster,
    database: str,
    start_slow_server: Callable[..., Server],
    tmp_path_factory: pytest.TempPathFactory,
    small_png: bytes,
) -> Iterator[Server]:
    """A server whose database was down when it was started, and has begun since; its log tells no password."""
    cluster.stop()
    server = start_slow_server(
        0.005,
        MASKSERVE_STORE=str(tmp_path_factory.mktemp("store")),
        MASKSERVE_STORE_DATABASE=cluster.address(database),
        SAGEMAKER_MODEL_SERVER_WORKERS="2",
    )
    server.wait()
    for _ in range(4):
        answer = requests.get(f"{server.url}/v1/nucleus/models", timeout=30)
        assert (answer.status_code, [*answer.json()]) == (503, ["error"])
        assert "cannot be reached" in answer.json()["error"] and PASSWORD not in answer.text
        predict(server, small_png)
    assert PASSWORD not in requests.get(f"{server.url}/metrics", timeout=30).text
    cluster.start()
    until_good(server)
    yield server
    assert server.stop() == 0
    assert PASSWORD not in server.log.read_text()


def predict(server: Server, picture: bytes) -> None:
    assert server.ping() == 200
    assert requests.post(f"{server.url}/invocations", picture, timeout=30).status_code == 200


def until_good(server: Server, seconds: float = 10) -> float:
    """Wait until the routes of the store answer in both workers; return the seconds that took."""
    begun, good = time.monotonic(), 0
    while good < 10:
        assert time.monotonic() - begun < seconds
        answer = requests.get(f"{server.url}/v1/nucleus/models", timeout=30)
        good = good + 1 if answer.status_code == 200 else 0
        time.sleep(0.02)
    return time.monotonic() - begun


def test_f8_a_database_that_was_down_at_start_is_opened_when_it_is_there(server: Server, small_png: bytes) -> None:
    client = Client(server, small_png)
    assert client.upload().status_code == 200 and client.kept() == BOXES


def test_f8_nothing_that_was_answered_is_lost_when_the_database_dies(
    server: Server, cluster: Cluster, small_png: bytes, figure: Figure
) -> None:
    uploading = Uploading(server.port, items=2000)
    back = []
    with uploading:
        for number in range(DEATHS):
            time.sleep(0.5)
            cluster.stop(signal.SIGQUIT if number % 2 else signal.SIGKILL)
            predict(server, small_png)
            cluster.start()
            back.append(until_good(server))
        time.sleep(0.5)
    took = uploading.jobs_end(seconds=90)
    repeated = uploading.send_again()
    uploading.jobs_end(seconds=90)
    found = uploading.everything()
    counts = check_objects(uploading, found)
    assert uploading.statuses() == {"Completed"}
    told: Counter[str] = Counter()
    for (_, answer, left), number in counts.items():
        told[f"{answer}, {left}"] += number
    assert told[f"{STORED}, whole"]
    figure(
        f"{DEATHS} deaths of the database under upload: {dict(told)}, {len(found)} objects, {repeated} sent again; the "
        f"store is back {max(back):.1f} s after it, jobs end after {took:.1f}"
    )


def test_f10_a_database_that_is_locked_or_stalled_slows_no_inference(
    server: Server, cluster: Cluster, database: str, small_png: bytes, figure: Figure
) -> None:
    clients = [Client(server, small_png) for _ in range(12)]
    medians = [statistics.median(clients[0].milliseconds(30))]
    statuses: list[int] = []

    def upload(client: Client) -> None:
        statuses.append(client.upload().status_code)

    for hold in (locked, stalled):
        uploads = [threading.Thread(target=upload, args=[client]) for client in clients]
        statuses.clear()
        with hold(cluster, database):
            for thread in uploads:
                thread.start()
            time.sleep(1)
            assert not statuses
            medians.append(statistics.median(clients[0].milliseconds(30)))
        for thread in uploads:
            thread.join()
        assert statuses == [200] * 12
    assert [client.kept() for client in clients] == [2 * BOXES] * 12
    before, while_locked, while_stalled = medians
    figure(
        f"12 uploads wait: a prediction takes {before:.1f} ms before, {while_locked:.1f} while tables are locked, "
        f"{while_stalled:.1f} while the database is stalled"
    )
    assert max(medians) < before + 10


@contextmanager
def locked(cluster: Cluster, database: str) -> Iterator[None]:
    with psycopg.connect(cluster.address(database)) as connection:
        connection.execute("LOCK prediction, run")
        yield


@contextmanager
def stalled(cluster: Cluster, database: str) -> Iterator[None]:
    """All its processes stand still, and the system goes on taking what clients send to it."""
    top = psutil.Process(cluster.process.pid)
    processes = [top, *top.children()]

    def tell(sign: int) -> None:
        for one in processes:
            with suppress(psutil.NoSuchProcess):  # whose client has just left
                one.send_signal(sign)

    tell(signal.SIGSTOP)
    try:
        yield
    finally:
        tell(signal.SIGCONT)


def test_f8_a_full_disk_of_the_database_refuses_uploads_alone(
    server: Server, cluster: Cluster, database: str, small_png: bytes, figure: Figure
) -> None:
    client = Client(server, small_png)
    ((used,),) = cluster.run("SELECT pg_table_size('prediction') >> 20", database)
    with small_disk(cluster, size=int(str(used)) + 6):
        cluster.run("ALTER TABLE prediction SET TABLESPACE small", database)
        answers = [client.upload() for _ in range(24)]
        good = sum(one.status_code == 200 for one in answers)
        assert {one.status_code for one in answers} == {200, 503}
        assert all("no space left" in one.json()["error"] for one in answers if one.status_code == 503)
        predict(server, small_png)
        assert client.kept() == good * BOXES
        cluster.run("ALTER TABLE prediction SET TABLESPACE pg_default", database)
    assert client.upload().status_code == 200 and client.kept() == (good + 1) * BOXES
    figure(f"{24 - good} of 24 uploads refused by a full disk of the database; kept whole")


@contextmanager
def small_disk(cluster: Cluster, size: int) -> Iterator[None]:
    """A tablespace `small`, of so many MB."""
    space = cluster.folder / "small"
    space.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", space]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted")
    try:
        shutil.chown(space, "postgres")
        cluster.run(f"CREATE TABLESPACE small LOCATION '{space}'")
        yield
        cluster.run("CHECKPOINT")
        cluster.run("DROP TABLESPACE small")
    finally:
        subprocess.run(["umount", "-l", space], check=True)
