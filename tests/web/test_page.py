"""The page at /, its files, and the facts that it asks for: which state, which model, what else there is."""

import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.engines.queue import Dispatcher
from container.errors import BadModel
from container.models.loading import Model
from container.models.policies.catalogue import Catalogue
from container.models.store import Store
from container.service import Services
from container.settings import Settings
from container.structures import ModelSpec
from tests.conftest import encode
from tests.fakes import (
    LABELS,
    FakeEngine,
    FakeLoader,
    FakePromptEngine,
    fake_services,
    policy_services,
    ready_services,
    started,
)

PNG = encode(np.full((30, 40, 3), 128, np.uint8))
KEY = "operators-key-0042"
CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def client_of(services: Services, **settings: Any) -> FlaskClient:
    return create_app(Settings(**settings), services).test_client()


def facts(client: FlaskClient, **query: str) -> Any:
    response = client.get("/page/facts", query_string=query)
    assert response.status_code == 200
    return response.json


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (CHROMIUM, True), (FIREFOX, True), ("text/html", True), ("text/html, application/json;q=0.9", True),
        ("", False), ("*/*", False), ("application/json", False), ("application/json, text/html", False),
        ("text/html;q=0.5, */*", False), ("image/png", False), ("text/*", True), ("text/html;q=0", False),
    ],
)  # fmt: skip
def test_browsers_get_the_page_and_programs_json(client: FlaskClient, accept: str, page: bool) -> None:
    for method in ("GET", "HEAD"):
        with client.open("/", method=method, headers={"Accept": accept} if accept else {}) as response:
            assert response.status_code == 200 and "Accept" in response.headers["Vary"]
            assert response.mimetype == ("text/html" if page else "application/json")
            if method == "GET":
                assert page or response.json == {"name": "Maskserve", "version": "0.1.0", "docs": "/docs"}


def test_the_page_and_its_files_run_nothing_from_elsewhere(client: FlaskClient) -> None:
    with client.get("/", headers={"Accept": CHROMIUM}) as page:
        text, policy = page.text, page.headers["Content-Security-Policy"]
        assert page.headers["Permissions-Policy"] == "camera=(self)"
        assert page.headers["Cache-Control"] == "no-cache" and "unsafe" not in policy
    known = {"Accept": CHROMIUM, "If-None-Match": page.headers["ETag"]}
    with client.get("/", headers=known) as same:
        assert same.status_code == 304 and same.headers["Content-Security-Policy"] == policy
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", text)
    assert not re.search(r'(?:src|href)="(?:\w+:|/)', text), "an address that is not relative to the page"
    for name in re.findall(r'<(?:script|link|img)\b[^>]*(?:src|href)="([^"]+)"', text):
        with client.get(f"/{name}") as response:
            assert response.status_code == 200, name


@pytest.mark.parametrize("name", ["../web/page.py", "..%2fweb/page.py", "nothing.js", "%00", ""])
def test_nothing_but_files_of_the_page(client: FlaskClient, name: str) -> None:
    response = client.get(f"/page/{name}")
    assert response.status_code == 404 and response.json["error"]["code"] == "not_found"


@pytest.mark.parametrize("protocols", ["", "sagemaker", "roboflow", "nucleus"])
def test_facts_are_there_with_any_protocol(protocols: str) -> None:
    client = client_of(ready_services(FakeEngine()), protocols=protocols)
    told = facts(client)
    every = protocols == ""
    assert told["invoke"] == ("invocations" if every or protocols == "sagemaker" else None)
    assert told["roboflow"] is told["workflows"] is (every or protocols == "roboflow")
    assert told["store"] is False and told["sam"] == [] and told["models"] == []
    assert told["endpoint"] == ("my-instance-segmentation" if every or protocols == "sagemaker" else None)
    assert (told["state"], told["message"]) == ("ready", "")
    assert told["limits"] == {"body_bytes": 25 * 2**20, "pixels": 50_000_000}
    assert told["model"] == {
        "name": "fake", "task": "instance segmentation", "kind": "instances", "labels": list(FakeEngine().names),
        "activation": "", "confidence": 0.5, "iou_threshold": None,
        "max_detections": None, "max_candidates": None,
    }  # fmt: skip
    client.application.services.draining.set()
    assert facts(client)["state"] == "stopping"


def test_the_operators_own_words() -> None:
    client = client_of(
        ready_services(FakeEngine(), max_pixels=1000),
        default_attributes='{"confidence": 0.7}',
        endpoint_names="people,cars",
        max_payload_mb=0.0,
    )
    told = facts(client)
    assert told["defaults"] == {"confidence": 0.7} and told["model"]["confidence"] == 0.5
    assert told["endpoint"] == "people"
    assert told["limits"] == {"body_bytes": None, "pixels": 1000}


def test_a_model_that_is_not_of_images() -> None:
    model = facts(client_of(ready_services(FakePromptEngine())))["model"]
    assert (model["task"], model["kind"], model["labels"], model["confidence"]) == ("sam", "sam", [], None)


def test_while_loading_and_after_that_has_failed() -> None:
    loaded, outcome = threading.Event(), [BadModel("this model is bad")]

    def make() -> Model:
        loaded.wait(10)
        if outcome:
            raise outcome[0]
        return Model(FakeEngine(), Dispatcher(FakeEngine().predict, 8))

    services = fake_services(make)
    client = client_of(services)
    services.pool.start()
    assert (facts(client)["state"], facts(client)["model"]) == ("loading", None)
    assert client.get("/livez").status_code == 200 and client.get("/ping").status_code == 503
    loaded.set()
    services.pool.settle()
    told = facts(client)
    assert (told["state"], told["model"]) == ("failed", None) and "this model is bad" in told["message"]
    assert client.get("/livez").status_code == 200


def test_models_of_a_multi_model_endpoint(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    (tmp_path / "dogs").mkdir()
    services = started(tmp_path, FakeLoader())
    client = client_of(services, multi_model=True)
    assert (facts(client)["model"], facts(client)["invoke"], facts(client)["models"]) == (None, None, [])
    for name, url in (("b c", f"{tmp_path}/cats"), ("a", f"file://{tmp_path}/dogs")):
        services.pool.load(name, Path(url.removeprefix("file://")), url)
    told = facts(client)
    assert told["models"][0] == {"name": "b c", "invoke": "models/b%20c/invoke", "target": "cats"}
    assert told["models"][1]["target"] is None
    assert (told["invoke"], told["model"]["name"]) == ("models/b%20c/invoke", "cats")
    other = facts(client, model="a")
    assert (other["invoke"], other["model"]["name"]) == ("models/a/invoke", "dogs")
    missing = client.get("/page/facts?model=nobody")
    assert missing.status_code == 404 and "'nobody'" in missing.json["error"]["message"]


def test_a_store_of_models_and_one_that_was_unloaded(tmp_path: Path) -> None:
    for name in ("sam/vit_b", "sam2/hiera_tiny"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "weights.safetensors").touch()
    (tmp_path / "served").mkdir()
    services = policy_services(Catalogue(tmp_path / "served", Store(tmp_path)), FakeLoader())
    services.pool.start()
    assert services.pool.settle() == ("ready", "")
    client = client_of(services)
    assert facts(client)["sam"] == ["sam/vit_b", "sam2/hiera_tiny"]
    assert facts(client)["model"]["name"] == "served"
    services.pool.policy.clear()
    assert (facts(client)["state"], facts(client)["model"], facts(client)["invoke"]) == ("ready", None, "invocations")


def test_a_model_with_a_workflow() -> None:
    spec = ModelSpec("fake", "fake_net", "NONE", LABELS, workflow='{"version": "1.0"}')
    assert facts(client_of(ready_services(FakeEngine(spec))))["workflow"] is True
    assert facts(client_of(ready_services(FakeEngine())))["workflow"] is False


def test_the_page_is_open_and_the_facts_are_not() -> None:
    client = client_of(ready_services(FakeEngine()), api_key=KEY)
    with client.get("/", headers={"Accept": CHROMIUM}) as page, client.get("/page/index.html") as file:
        assert page.status_code == file.status_code == 200
        assert page.data == file.data and KEY.encode() not in page.data
    assert client.get("/page/facts").status_code == 401
    assert client.get("/page/facts", headers={"X-Api-Key": KEY}).status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "image/png", "application/jsonlines"])
def test_server_timing(client: FlaskClient, accept: str) -> None:
    """Names as in the log line, in the order of the work."""
    response = client.post("/invocations", data=PNG, headers={"Accept": accept})
    parts = dict(part.split(";dur=") for part in response.headers["Server-Timing"].split(", "))
    assert list(parts) == ["read", "decode", "queue", "inference", "encode", "total"]
    assert float(parts["total"]) >= sum(float(parts[name]) for name in parts if name != "total") - 0.5
    assert "Server-Timing" not in client.get("/ping").headers


def test_server_timing_of_an_error(client: FlaskClient) -> None:
    response = client.post("/invocations", data=b"no picture")
    assert response.status_code == 415 and response.headers["Server-Timing"].startswith("read;dur=")


def test_pages_of_other_origins_may_read_the_timing() -> None:
    client = client_of(ready_services(FakeEngine()), cors_origins="https://app.example.com")
    response = client.post("/invocations", data=PNG, headers={"Origin": "https://app.example.com"})
    assert "Server-Timing" in response.headers["Access-Control-Expose-Headers"].split(", ")
