"""One server asked in two protocols: v1 of Roboflow's against /invocations, outlines of the same objects in both."""

import base64
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import requests

from tests.bench.cases import Case
from tests.bench.servers import Server

ROUNDS = 20


def _ways(case: Case, url: str, session: requests.Session) -> dict[str, Callable[[], int]]:
    """For each protocol a function that asks once, and returns the number of objects."""
    options = {"confidence": case.confidence, "iou_threshold": 0.5, "max_detections": 100}
    attributes = json.dumps({**options, "masks": "polygon"})
    picture = {"type": "base64", "value": base64.b64encode(case.photo).decode()}
    (name,) = [row["model_id"] for row in session.get(f"{url}/model/registry", timeout=60).json()["models"]]
    asked = json.dumps({"model_id": name, "image": picture, **options}).encode()

    def invocations() -> int:
        headers = {"Content-Type": "image/jpeg", "X-Amzn-SageMaker-Custom-Attributes": attributes}
        answer = session.post(f"{url}/invocations", data=case.photo, headers=headers, timeout=600)
        return len(answer.json()["masks"])

    def v1() -> int:
        headers = {"Content-Type": "application/json"}
        answer = session.post(f"{url}/infer/instance_segmentation", data=asked, headers=headers, timeout=600)
        return len(answer.json()["predictions"])

    return {"/invocations": invocations, "v1": v1}


def measure(case: Case, folder: Path) -> str:
    """Median milliseconds of an answer, and of the server's CPU, in turn; the numbers of objects are the same."""
    with Server("maskserve", case, folder) as server, requests.Session() as session:
        ways = _ways(case, server.url, session)
        counts = {ask() for ask in ways.values()}
        if len(counts) != 1:
            raise RuntimeError(f"the protocols find {counts} objects")
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, ask in ways.items():
                cpu, begun = server.cpu_seconds(), time.perf_counter()
                ask()
                times[name].append((time.perf_counter() - begun, server.cpu_seconds() - cpu))
    wall, cpu_time = (
        {name: statistics.median(one[i] for one in found) for name, found in times.items()} for i in (0, 1)
    )
    return (
        f"{case.model}, {case.size}, {counts.pop()} objects, outlines: v1 takes "
        f"{wall['v1'] / wall['/invocations']:.2f} times /invocations ({1000 * wall['/invocations']:.0f} ms), "
        f"{cpu_time['v1'] / cpu_time['/invocations']:.2f} times its CPU"
    )
