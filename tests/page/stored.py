"""What a store holds for the page of runs: datasets, a picture, ground truth and predictions, sent over HTTP."""

import json
import time
from typing import Any, NamedTuple

import requests

ITEMS = 5  # beside the one with a picture


class Stored(NamedTuple):
    """Ids in the store of a server."""

    url: str  # of the server
    dataset: str
    run: str  # which has been evaluated
    evaluation: str
    later: str  # a run of the same model that has not


def ask(url: str, route: str, document: object = None) -> Any:
    """The JSON of a good answer of the store; POST with a document, else GET."""
    method = "GET" if document is None else "POST"
    answer = requests.request(method, f"{url}/v1/nucleus/{route}", json=document, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def box(item: str, name: str, label: str, x: float, y: float, width: float, height: float, **more: object) -> Any:
    """A box as clients send it."""
    geometry = {"x": x, "y": y, "width": width, "height": height}
    sent = {"type": "box", "label": label, "geometry": geometry, "metadata": {}}
    return {**sent, "reference_id": item, "annotation_id": name, **more}


def fill(url: str, photo: bytes) -> Stored:
    """Fill an empty store: "crossings" with two runs, of which the first is evaluated, and "no runs"."""
    dataset = ask(url, "dataset/create", {"name": "crossings"})["dataset_id"]
    _append(url, dataset, photo)
    truth, found = _boxes()
    ask(url, f"dataset/{dataset}/annotate", {"annotations": truth, "update": False})
    ask(url, "models/add", {"name": "net", "reference_id": "net-1", "metadata": {}})
    made = f"dataset/{dataset}/modelRun/create"
    run, later = (
        ask(url, made, {"name": name, "reference_id": "net-1"})["model_run_id"] for name in ("first", "later")
    )
    for one, some in ((run, found), (later, found[:3])):
        ask(url, f"modelRun/{one}/predict", {"annotations": some, "update": False})
    evaluation = ask(url, f"modelRun/{run}/evaluationsV2", {})["evaluation_id"]
    end = time.monotonic() + 30
    while ask(url, f"evaluationsV2/{evaluation}")["status"] != "succeeded":
        assert time.monotonic() < end
        time.sleep(0.1)
    return Stored(url, dataset, run, evaluation, later)


def _append(url: str, dataset: str, photo: bytes) -> None:
    """Add an item with its picture, and some with an address alone."""
    given = [{"reference_id": "photo", "image_url": "photo.jpg", "metadata": {}, "update": False}]
    form = {"items": (None, json.dumps(given), "application/json"), "image": ("photo.jpg", photo, "image/jpeg")}
    answer = requests.post(f"{url}/v1/nucleus/dataset/{dataset}/append", files=form, timeout=60)
    assert answer.status_code == 200, answer.text
    named = [{"reference_id": str(i), "image_url": f"s3://pictures/{i}.jpg", "metadata": {}} for i in range(ITEMS)]
    ask(url, f"dataset/{dataset}/append", {"items": named})
    ask(url, "dataset/create", {"name": "no runs"})


def _boxes() -> tuple[list[Any], list[Any]]:
    """The ground truth, and predictions that find it, more or less."""
    truth = [box("photo", "who", "person", 50, 20, 380, 480), box("photo", "cat", "cat", 300, 300, 150, 200)]
    found = [
        box("photo", "woman", "person", 55, 25, 380, 480, confidence=0.9),
        box("photo", "horse", "horse", 10, 10, 60, 60, confidence=0.99),
    ]
    for i in range(ITEMS):
        item, bus = str(i), "bus" if i % 2 else "car"
        truth += [box(item, "car", "car", 10, 20, 100, 60), box(item, "bus", "bus", 200, 20, 150, 120 + 10 * i)]
        found += [
            box(item, "left", "car", 10 + 9 * i, 20, 100, 60, confidence=0.95 - i / 10),
            box(item, "right", bus, 205, 25, 150, 115, confidence=0.8 - i / 50),
            box(item, "nothing", "car", 400, 300, 50, 50, confidence=0.1 + i / 10),
        ]
    return truth, found
