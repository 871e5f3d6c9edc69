"""What runs Roboflow's client in two versions, and compares its answers with those of /invocations."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from pycocotools import mask as coco

NEW, OLD = VERSIONS = ("1.8.3", "0.22.2")
# What a request means that asks for nothing, in terms of /invocations.
DEFAULTS = {"confidence": 0.4, "iou_threshold": 0.3, "max_detections": 300, "max_candidates": 3000, "masks": "rle"}


class Pictures(http.server.SimpleHTTPRequestHandler):
    """Gives the client the pictures that it downloads."""

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextmanager
def address_of(folder: Path) -> Iterator[str]:
    """The address of a server of the files of a folder."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pictures, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def run_client(version: str, program: Path, plan: dict[str, Any], folder: Path, seconds: float) -> dict[str, Any]:
    """Run a program in the virtual environment of a version, and return the outcomes that it wrote; skip without it."""
    python = Path(sys.prefix, f"inference-sdk-{version}", "bin", "python")
    if not python.exists():
        reason = f"inference-sdk {version} is not installed: make .venv/.inference-sdk-{version}"
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    (folder / "plan.json").write_text(json.dumps(plan))
    done = subprocess.run(
        [python, program, folder / "plan.json", folder / "outcomes.json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        env={name: value for name, value in os.environ.items() if "PROXY" not in name.upper()},
    )
    assert done.returncode == 0, done.stderr[-5000:]
    outcomes: dict[str, Any] = json.loads((folder / "outcomes.json").read_text())
    return outcomes


@dataclass(frozen=True)
class Driven:
    """What came of the calls of one version."""

    version: str
    outcomes: dict[str, Any]
    folder: Path  # of what was sent
    url: str  # of the server

    def value(self, name: str) -> Any:
        """What a call returned."""
        assert "error" not in self.outcomes[name], self.outcomes[name]
        return self.outcomes[name]["value"]

    def error(self, name: str) -> tuple[str, int | None, str]:
        """What a call raised: the kind, the status and the message."""
        outcome = self.outcomes[name]
        assert "error" in outcome, outcome
        return outcome["error"], outcome["status"], outcome["message"]

    def models(self, name: str) -> list[tuple[str, str]]:
        """The ids and tasks in what a call returned."""
        return [(row["model_id"], row["task_type"]) for row in self.value(name)["models"]]

    def check(self, name: str, **options: Any) -> None:
        """Assert that a call returned what /invocations answers for the files that it sent."""
        found, sent = self.value(name), self.outcomes[name]["sent"]
        answers = found if isinstance(found, list) else [found]
        assert len(answers) == len(sent) > 0
        for answer, file in zip(answers, sent, strict=True):
            check_same(answer, self.folder / file, expected(self.url, self.folder / file, **options))


@functools.cache
def expected(url: str, file: Path, target: str = "", **options: Any) -> Any:
    """The answer of /invocations, on a multi-model server by the model `target`."""
    headers = {"X-Amzn-SageMaker-Target-Model": target} if target else {}
    response = requests.post(
        url + "/invocations", file.read_bytes(), params=DEFAULTS | options, headers=headers, timeout=60
    )
    assert response.status_code == 200, response.text
    return response.json()


def name_of(label: str) -> str:
    """The name in "name 99%"."""
    return label.rpartition(" ")[0]


def corners(item: dict[str, Any]) -> list[float]:
    """The box of a prediction as xyxy."""
    x, y, width, height = (item[side] for side in ("x", "y", "width", "height"))
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def bitmap(rle: dict[str, Any]) -> np.ndarray:
    return np.asarray(coco.decode({**rle, "counts": rle["counts"].encode()})).astype(bool)


def iou(mask: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two masks."""
    return float((mask & other).sum() / (mask | other).sum())


def check_same(answer: dict[str, Any], file: Path, theirs: dict[str, Any]) -> None:
    """Assert that the client got what /invocations answers: size, classes, boxes, confidences, run lengths."""
    with Image.open(file) as picture:
        assert answer["image"] == dict(zip(("width", "height"), picture.size, strict=True))
    found = answer["predictions"]
    assert [item["class"] for item in found] == [name_of(label) for label in theirs["labels"]]
    if found:
        np.testing.assert_allclose([corners(item) for item in found], theirs["boxes"], atol=1)
        np.testing.assert_allclose([item["confidence"] for item in found], theirs["scores"], atol=0.01)
    for item, rle in zip(found, theirs.get("masks") or [{}] * len(found), strict=True):
        assert item.get("rle", rle) == rle
        assert "rle" in item or "points" not in item or len(item["points"]) >= 3
