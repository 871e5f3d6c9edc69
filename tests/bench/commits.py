"""Matching and metrics of a large run: what they take, and what others notice of them."""

import json
import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.bench.nucleus import Beside, invocations, pings
from tests.conftest import Server, launch

ITEMS, OBJECTS, LABELS = 5000, 36, 20  # images, boxes of truth and of predictions on each, and their labels
BATCH = 5000
TIMES = 3


def _boxes(item: int, predicted: bool) -> Iterator[dict[str, Any]]:
    """The boxes of an item: predictions lie within a few pixels of the truth."""
    numbers = random.Random(item)
    for i in range(OBJECTS):
        shift = numbers.randint(-12, 12) * predicted
        yield {
            "type": "box",
            "label": f"class {numbers.randrange(LABELS)}",
            "geometry": {
                "x": numbers.randrange(560) + shift,
                "y": numbers.randrange(400) - shift,
                "width": numbers.randint(10, 120),
                "height": numbers.randint(10, 120),
            },
            "reference_id": str(item),
            "annotation_id": str(i),
            "metadata": {},
            **({"confidence": round(numbers.random(), 4)} if predicted else {}),
        }


class Run:
    """A dataset with truth, and a run on it."""

    def __init__(self, server: Server) -> None:
        self._url = f"{server.url}/v1/nucleus"
        self._session = requests.Session()
        dataset = self.post("dataset/create", name="bench")["dataset_id"]
        sizes = {"width": 640, "height": 480}
        items = [{"reference_id": str(i), "image_url": "s3://b/1.png", **sizes} for i in range(ITEMS)]
        self.post(f"dataset/{dataset}/append", items=items)
        self.post("models/add", name="bench", reference_id="bench")
        made = self.post(f"dataset/{dataset}/modelRun/create", name="bench", reference_id="bench")
        self.route = f"modelRun/{made['model_run_id']}"
        for route, predicted in ((f"dataset/{dataset}/annotate", False), (f"{self.route}/predict", True)):
            some: list[dict[str, Any]] = []
            for item in range(ITEMS):
                some += _boxes(item, predicted)
                if len(some) >= BATCH or item == ITEMS - 1:
                    self.post(route, update=False, annotations=some)
                    some = []

    def post(self, route: str, **fields: Any) -> Any:
        """The reply of a route."""
        answer = self._session.post(f"{self._url}/{route}", json=fields, timeout=120)
        answer.raise_for_status()
        return answer.json()

    def get(self, route: str) -> Any:
        """The reply of a route."""
        answer = self._session.get(f"{self._url}/{route}", timeout=120)
        answer.raise_for_status()
        return answer.json()

    def commit(self, agnostic: bool) -> float:
        """The seconds of a commit, to its end."""
        begun = time.perf_counter()
        self.post(f"{self.route}/commit", class_agnostic=agnostic)
        while self.get(f"{self.route}/info")["status"] == "Committing":
            time.sleep(0.1)
        return time.perf_counter() - begun

    def metrics(self) -> float:
        """The seconds of the figures."""
        begun = time.perf_counter()
        self.get(f"{self.route}/metrics?iou_type=bbox")
        return time.perf_counter() - begun


def _commit_until(over: Any, active: Any, count: Any, url: str, route: str) -> None:
    """Commit and read the figures in turn while `active` is set."""
    session = requests.Session()
    while not over.is_set():
        if not active.wait(0.1):
            continue
        count.value += 1
        config = {"class_agnostic": count.value % 2 == 0}
        session.post(f"{url}/{route}/commit", json=config, timeout=120)
        session.get(f"{url}/{route}/metrics?iou_type=bbox", timeout=120)


def _child(server: Server) -> str:
    """The peak and the priority of the process that compares."""
    (worker,) = psutil.Process(server.process.pid).children()
    (child,) = worker.children()
    lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    (peak,) = (int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM"))
    return f"its process: {peak:.0f} MB at most, nice {child.nice()}"


def measure(folder: Path) -> Iterator[str]:
    """Yield the figures of a server with the embedded model and a store in `folder`."""
    server = launch(folder / "log", MASKSERVE_STORE=str(folder / "store"))
    server.wait()
    try:
        run = Run(server)
        commits, metrics = [], []
        for number in range(TIMES):
            commits.append(run.commit(number % 2 == 0))
            metrics.append(run.metrics())
        yield (
            f"{ITEMS} images × {OBJECTS} × {OBJECTS} boxes: commit {statistics.median(commits):.1f} s, "
            f"metrics {statistics.median(metrics):.1f} s; {_child(server)}"
        )
        beside = Beside("commits with metrics", _commit_until, f"{server.url}/v1/nucleus", run.route)
        try:
            yield pings(server, beside)
            yield invocations(server, beside)
        finally:
            beside.close()
        yield json.dumps(run.get(f"{run.route}/metrics")["counts"])
    finally:
        server.stop()
