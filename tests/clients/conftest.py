"""What every client test needs: an environment that leads the AWS clients to a server of ours, and nowhere else."""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from tests.conftest import Server

ENDPOINT = "my-instance-segmentation"
PERSON = re.compile(r"person (9\d|100)%")
PERSON_BOX = (5, 15, 395, 505)  # drawn by hand around skimage's astronaut

UseServer = Callable[[Server], None]
Connect = Callable[[Server], Any]


def iou(box: list[float], other: tuple[float, ...]) -> float:
    """Intersection over union of two xyxy boxes: [0, 0, 2, 1] and (1, 0, 2, 1) → 0.5."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
    return float(shared / (sum(areas) - shared))


@pytest.fixture
def use_server(monkeypatch: pytest.MonkeyPatch) -> UseServer:
    """Lead the AWS clients of this test to a server, by the environment alone."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)  # what the developer has configured is not tested here
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)  # it remembers credentials

    def use(server: Server) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", server.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "dummy")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "dummy")

    return use


@pytest.fixture
def connect(use_server: UseServer) -> Iterator[Connect]:
    """boto3's client for a server."""
    clients = []

    def of(server: Server) -> Any:
        use_server(server)
        clients.append(boto3.client("sagemaker-runtime"))
        return clients[-1]

    yield of
    for client in clients:
        client.close()
