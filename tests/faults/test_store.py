"""What a store that cannot be written does to the server: nothing to inference, 503 to uploads, and nothing is lost."""

import resource
import sqlite3
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.conftest import Server, StartServer
from tests.faults.conftest import Figure

pytestmark = pytest.mark.alone

BOXES = 2000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def server(start_server: StartServer, folder: Path) -> Iterator[Server]:
    server = start_server(MASKSERVE_MODEL="default", MASKSERVE_STORE=str(folder))
    server.wait()
    yield server
    assert server.stop() == 0


class Client:
    """Uploads to a run of its own, and asks the model."""

    def __init__(self, server: Server, picture: bytes) -> None:
        self.url, self.picture = f"{server.url}/v1/nucleus", picture
        self.server = server
        dataset = self.post("dataset/create", {"name": "streets"})["dataset_id"]
        items = [{"reference_id": str(i), "image_url": "s3://bucket/key"} for i in range(10)]
        self.post(f"dataset/{dataset}/append", {"items": items, "update": False})
        model = self.post("models/add", {"name": "m", "reference_id": dataset, "metadata": {}})["model_id"]
        self.run = self.post(f"model/{model}/modelRun/create", {"name": "run"})["model_run_id"]
        self.dataset = dataset
        self.sent = 0

    def post(self, path: str, document: object) -> dict[str, str]:
        response = requests.post(f"{self.url}/{path}", json=document, timeout=60)
        assert response.status_code == 200, response.text
        found: dict[str, str] = response.json()
        return found

    def upload(self) -> requests.Response:
        """Upload 2,000 boxes, with new ids."""
        self.sent += 1
        boxes = [
            {
                "type": "box",
                "label": "car",
                "geometry": {"x": i, "y": 0, "width": 1, "height": 1},
                "reference_id": str(i % 10),
                "annotation_id": f"{self.sent}-{i}",
                "metadata": {"text": "x" * 200},
            }
            for i in range(BOXES)
        ]
        body = {"annotations": boxes, "update": False}
        address = f"{self.url}/dataset/{self.dataset}/modelRun/{self.run}/uploadPredictions"
        return requests.post(address, json=body, timeout=60)

    def kept(self) -> int:
        return len(requests.get(f"{self.url}/modelRun/{self.run}/ungrouped", timeout=60).json().get("box", []))

    def milliseconds(self, count: int) -> list[float]:
        """How long the model's answers take."""
        took = []
        for _ in range(count):
            begun = time.monotonic()
            response = requests.post(f"{self.server.url}/invocations", self.picture, timeout=60)
            took.append(1000 * (time.monotonic() - begun))
            assert response.status_code == 200
        return took


def test_f8_a_full_disk_refuses_uploads_alone_and_is_over_when_there_is_space(
    server: Server, folder: Path, small_png: bytes, figure: Figure
) -> None:
    client = Client(server, small_png)
    assert client.upload().status_code == 200
    (worker,) = psutil.Process(server.process.pid).children()
    largest = max(path.stat().st_size for path in folder.iterdir())
    worker.rlimit(resource.RLIMIT_FSIZE, (largest + 65_536, -1))
    answers = [client.upload() for _ in range(4)]
    client.milliseconds(3)
    worker.rlimit(resource.RLIMIT_FSIZE, (-1, -1))
    assert 503 in {one.status_code for one in answers}
    for answer in answers:
        if answer.status_code == 503:
            assert "nothing of this request has been written" in answer.json()["error"], answer.text
            assert int(answer.headers["Retry-After"]) >= 1
    begun = time.monotonic()
    assert client.upload().status_code == 200
    back = time.monotonic() - begun
    assert client.kept() == BOXES * (2 + sum(one.status_code == 200 for one in answers))
    assert server.log.read_text().count('"logger": "maskserve.store"') == 1  # said once a minute
    with sqlite3.connect(folder / "store.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    figure(
        f"{sum(one.status_code == 503 for one in answers)} of 4 uploads refused, back {back:.2f} s later; kept whole"
    )


def test_f10_a_locked_database_slows_no_inference(
    server: Server, folder: Path, small_png: bytes, figure: Figure
) -> None:
    client = Client(server, small_png)
    before = client.milliseconds(30)
    lock = sqlite3.connect(folder / "store.sqlite3", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    answers: list[tuple[int, float]] = []

    def upload() -> None:
        begun = time.monotonic()
        status = client.upload().status_code
        answers.append((status, time.monotonic() - begun))

    uploads = [threading.Thread(target=upload) for _ in range(4)]
    for thread in uploads:
        thread.start()
    time.sleep(1)  # what they take of the processor before they wait
    meanwhile = client.milliseconds(30)
    for thread in uploads:
        thread.join()
    lock.execute("COMMIT")
    lock.close()
    begun = time.monotonic()
    assert client.upload().status_code == 200
    figure(
        f"answers after {statistics.median(before):.1f} ms (slowest {max(before):.1f}) before and "
        f"{statistics.median(meanwhile):.1f} ({max(meanwhile):.1f}) meanwhile; 4 uploads refused after "
        f"{max(took for _, took in answers):.1f} s; back {time.monotonic() - begun:.2f} s later"
    )
    assert {status for status, _ in answers} == {503}
    assert client.kept() == BOXES
    assert statistics.median(meanwhile) < statistics.median(before) + 10
