"""Models by id on a real server, with real models, through a protocol that is written into a folder."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from container.models import loading
from container.structures import ModelSpec
from tests.conftest import Server
from tests.plugged import command
from tests.server.test_startup import LABELS, SMALL, ends, save, state, workers, write

__all__ = ["state"]  # a fixture

BY_ID = """
from functools import partial

from flask import Blueprint, g, request

from container.images.decode import decode
from container.structures import Options
from container.web.body import read_body
from container.web.protocol import Protocol, protocols


class ById(Protocol):
    name = "by_id"
    prefixes = ("/by-id",)

    def blueprints(self, services):
        blueprint = Blueprint("by_id", __name__)
        policy = services.pool.policy

        @blueprint.post("/by-id/ask/<path:name>")
        def ask(name):
            data = read_body(request)
            found = policy.by_id(name)
            with services.pipeline.open(found.key, g.context) as run:
                (result,) = run.predict([run.decode(partial(decode, data))], Options())
                return {"model": result.model, "loaded": found.load_seconds > 0}

        @blueprint.post("/by-id/remove/<path:name>")
        def remove(name):
            policy.remove(name)
            return {}

        @blueprint.post("/by-id/clear")
        def clear():
            policy.clear()
            return {}

        @blueprint.get("/by-id")
        def rows():
            return [row._asdict() for row in policy.rows()]

        yield blueprint


protocols.add("by_id", ById)
"""


def call(server: Server, path: str, data: bytes | None = b"") -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(server.url + path, data), timeout=60) as answer:
            return answer.status, json.loads(answer.read() or "{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["error"]


Start = Callable[..., Server]


@pytest.fixture
def start(start_server: Callable[..., Server], tmp_path: Path) -> Start:
    """Start a server of the embedded model with the protocol above."""
    (tmp_path / "by_id.py").write_text(BY_ID)

    def started(ready: bool = True, **environ: str) -> Server:
        server = start_server(*command("serve", container_protocols=tmp_path), **environ)
        if ready:
            server.wait()
        return server

    return started


@pytest.fixture
def store(tmp_path: Path, state: dict[str, torch.Tensor]) -> Path:
    """A folder, a packed archive, and half an archive."""
    store = tmp_path / "store"
    write(store / "pets/1", save(state), name="pets of a folder")
    (store / "pets/1/model.safetensors").rename(tmp_path / "w.safetensors")
    loading.pack(ModelSpec("packed pets", SMALL, tmp_path / "w.safetensors", tuple(LABELS)), store / "pets/2.tar.gz")
    (tmp_path / "w.safetensors").rename(store / "pets/1/model.safetensors")
    whole = (store / "pets/2.tar.gz").read_bytes()
    (store / "half.tar.gz").write_bytes(whole[: len(whole) // 2])
    return store


def ids(server: Server) -> list[str]:
    return [row["id"] for row in call(server, "/by-id", None)[1]]


def test_models_by_id(start: Start, store: Path, small_png: bytes) -> None:
    server = start(
        MASKSERVE_MODEL_STORE=str(store),
        MASKSERVE_MODEL_ALIASES="coco-dataset-vdnr1/2=maskrcnn/1, dogs/1=pets/2",
        MASKSERVE_MAX_ACTIVE_MODELS="2",
        SAGEMAKER_MODEL_SERVER_WORKERS="2",
    )
    assert len(workers(server)) == 1
    assert call(server, "/by-id", None) == (
        200,
        [
            {
                "id": "maskrcnn/1",
                "name": "maskrcnn",
                "task": "instance segmentation",
                "cost": pytest.approx(4e8, rel=0.3),
            }
        ],
    )
    for name, model, loaded in (
        ("maskrcnn", "maskrcnn", False),
        ("coco-dataset-vdnr1/2", "maskrcnn", False),
        ("pets/1", "pets of a folder", True),
        ("pets/1", "pets of a folder", False),
        ("dogs/1", "packed pets", True),
        ("pets/2", "packed pets", False),
        ("pets/1", "pets of a folder", True),
    ):
        assert call(server, f"/by-id/ask/{name}", small_png) == (200, {"model": model, "loaded": loaded})
    assert ids(server) == ["maskrcnn", "coco-dataset-vdnr1/2", "pets/1"]
    for name, reason in (
        ("pets", "'pets' is a folder of versions: ask for one of them, pets/1, pets/2"),
        ("pets/3", "there is no model 'pets/3'"),
        ("../pets/1", "there is no model '../pets/1'"),
    ):
        status, error = call(server, "/by-id/ask/" + name.replace("../", "%2e%2e/"), small_png)
        assert (status, error["message"]) == (404, reason)
    for _ in range(2):
        status, error = call(server, "/by-id/ask/half", small_png)
        assert status == 409 and error["code"] == "model_broken"
        assert error["message"] == "model 'half/1' cannot be loaded: 'half.tar.gz' is not a whole .tar.gz of a model"
    assert server.stop() == 0


def test_the_served_model_is_loaded_again_when_it_is_asked_for(start: Start, small_png: bytes) -> None:
    """Its memory is free meanwhile, and the server is healthy."""
    server = start()
    (worker,) = map(psutil.Process, workers(server))
    sizes = []
    for name in ("maskrcnn", "maskrcnn/1", ""):
        assert call(server, "/invocations", small_png)[0] == 200
        sizes.append(worker.memory_info().rss / 1e6)
        assert call(server, f"/by-id/remove/{name}" if name else "/by-id/clear") == (200, {})
        sizes.append(worker.memory_info().rss / 1e6)
        assert server.ping() == 200 and ids(server) == []
    assert min(sizes[::2]) > max(sizes[1::2]), sizes
    with ThreadPoolExecutor(4) as threads:
        answers = list(
            threads.map(lambda path: call(server, path, small_png)[0], ["/invocations"] * 3 + ["/by-id/ask/maskrcnn"])
        )
    assert answers == [200] * 4 and ids(server) == ["maskrcnn"]
    with urllib.request.urlopen(server.url + "/metrics") as response:
        text = response.read().decode()
    assert 'maskserve_model_loads_total{model="maskrcnn"} 4.0' in text
    assert call(server, "/by-id/clear")[0] == 200
    assert call(server, "/execution-parameters", None)[0] == 200
    assert server.stop() == 0


def test_with_several_processes_models_stay(start: Start, small_png: bytes) -> None:
    server = start(SAGEMAKER_MODEL_SERVER_WORKERS="2")
    for path in ("/by-id/remove/maskrcnn", "/by-id/clear"):
        status, error = call(server, path)
        assert status == 409 and "2 processes have a copy of the model each" in error["message"]
    assert call(server, "/by-id/ask/maskrcnn/1", small_png)[0] == 200
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        (
            {"MASKSERVE_MODEL_STORE": "/nowhere"},
            "MASKSERVE_MODEL_STORE is '/nowhere', a folder that cannot be read: No",
        ),
        (
            {"MASKSERVE_MODEL_STORE": "/tmp", "SAGEMAKER_MULTI_MODEL": "true"},
            "MASKSERVE_MODEL_STORE is set beside SAGEMAKER_MULTI_MODEL, with which POST /models loads models",
        ),
        ({"MASKSERVE_MODEL_ALIASES": "a"}, "MASKSERVE_MODEL_ALIASES is 'a'; it takes ALIAS=ID, separated by commas"),
    ],
    ids=["store", "beside multi-model", "alias"],
)
def test_what_is_refused_at_the_start(environ: dict[str, str], reason: str, start: Start) -> None:
    server = start(ready=False, **environ)
    if "ALIASES" in reason or "beside" in reason:
        assert server.process.wait(30) != 0
        said = server.log.read_text()
        assert reason in said and len(said.splitlines()) <= 4 and "Traceback" not in said, said
    else:
        assert ends(server).startswith(reason)
