"""The registry, health, keys, errors and what is not offered, with the fake model."""

import logging
import time
from typing import Any

import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.engines.queue import Dispatcher
from container.models.loading import Model
from container.settings import Settings
from tests.fakes import FakeEngine, fake_services, ready_services

KEY = "a-secret-key"
SEGMENT = "/infer/instance_segmentation"


def rows(response: Any) -> list[tuple[str, str]]:
    assert response.status_code == 200, response.json
    return [(row["model_id"], row["task_type"]) for row in response.json["models"]]


def test_the_registry(client: FlaskClient, body: dict[str, Any]) -> None:
    ours = ("fake/1", "instance-segmentation")
    assert rows(client.get("/model/registry?api_key=None")) == [ours]
    assert rows(client.post("/model/add", json={"model_id": "fake", "api_key": None})) == [("fake", ours[1])]
    assert rows(client.post("/model/add", json={"model_id": "fake/1"})) == [("fake", ours[1]), ours]
    assert client.get("/model/registry").json["models"][0]["input_height"] is None
    assert client.get("/start/fake/1").json == {"status": 200, "message": "model fake/1 is loaded"}
    missing = client.post("/model/add", json={"model_id": "none/7"})
    assert missing.status_code == 404
    assert "none/7" in missing.json["message"]
    assert client.post("/model/add", json={}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "json"),
    [("POST", "/model/remove", {"model_id": "fake"}), ("POST", "/model/clear", None), ("GET", "/clear_cache", None)],
)
def test_what_is_unloaded_comes_back(
    client: FlaskClient, body: dict[str, Any], small_png: bytes, method: str, path: str, json: Any
) -> None:
    for ask in (lambda: client.post(SEGMENT, json=body), lambda: client.post("/invocations", data=small_png)):
        assert client.open(path, method=method, json=json).status_code == 200
        assert rows(client.get("/model/registry")) == []
        assert client.get("/ping").status_code == 200
        assert ask().status_code == 200
        assert len(rows(client.get("/model/registry"))) == 1


def test_a_cold_start_is_told(client: FlaskClient, body: dict[str, Any]) -> None:
    client.post("/model/clear")
    first, second = (client.post(SEGMENT, json=body) for _ in range(2))
    assert first.headers["X-Model-Cold-Start"] == "true"
    assert float(first.headers["X-Model-Load-Time"]) > 0
    assert "X-Model-Cold-Start" not in second.headers


def test_removing_what_is_not_loaded_is_no_error(client: FlaskClient) -> None:
    assert rows(client.post("/model/remove", json={"model_id": "no/1"})) == [("fake/1", "instance-segmentation")]


def test_the_server(client: FlaskClient) -> None:
    assert client.get("/").status_code == 200
    info = client.get("/info").json
    assert info["name"] == "Maskserve" and info["version"] and len(info["uuid"]) == 36
    assert client.get("/info").json == info
    assert client.get("/healthz").json == {"status": "healthy"}
    assert client.get("/readiness").json == {"status": "ready"}
    client.application.services.draining.set()
    assert client.get("/readiness").status_code == 503
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["//model/registry", "/model//registry", "//info", "/info/"])
def test_slashes_are_never_redirected(client: FlaskClient, path: str) -> None:
    assert client.get("/", environ_overrides={"PATH_INFO": path}).status_code == 200


def test_an_execution_id_is_echoed(client: FlaskClient) -> None:
    assert client.get("/info", headers={"execution_id": "run-7"}).headers["execution_id"] == "run-7"
    assert "execution_id" not in client.get("/info").headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/sam3/embed_image"), ("POST", "/sam3/visual_segment"), ("POST", "/sam3/concept_segment"),
        ("POST", "/sam3_3d/infer"), ("POST", "/infer/depth-estimation"),
        ("POST", "/infer/embeddings"), ("POST", "/infer/action_recognition"), ("POST", "/yolo_world/infer"),
        ("POST", "/grounding_dino/infer"), ("POST", "/owlv2/infer"), ("POST", "/perception_encoder/embed_image"),
        ("POST", "/perception_encoder/embed_text"), ("POST", "/perception_encoder/compare"),
        ("GET", "/inference_pipelines/list"), ("POST", "/inference_pipelines/7/pause"),
        ("POST", "/initialise_webrtc_worker"),
    ],
)  # fmt: skip
def test_what_is_not_offered(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method=method, json={"image": "x"})
    assert response.status_code == 501
    assert response.json["message"].endswith("not offered by this server")


@pytest.fixture
def locked() -> FlaskClient:
    return create_app(Settings(api_key=KEY), ready_services(FakeEngine())).test_client()


def test_three_places_for_a_key(locked: FlaskClient, body: dict[str, Any]) -> None:
    for asked in (
        {"json": body | {"api_key": KEY}},
        {"json": body, "query_string": {"api_key": KEY}},
        {"json": body, "headers": {"Authorization": f"Bearer {KEY}"}},
        {"json": body | {"api_key": None}, "headers": {"Authorization": f"Bearer {KEY}"}},
    ):
        assert locked.post(SEGMENT, **asked).status_code == 200
    for asked in ({"json": body}, {"json": body | {"api_key": "None"}}, {"json": body | {"api_key": ""}}):
        response = locked.post(SEGMENT, **asked)
        assert response.status_code == 401
        assert "api_key in the JSON body" in response.json["message"]
    assert locked.post("/fake/1").status_code == 401
    assert locked.post("/fake/1", query_string={"api_key": KEY}).status_code == 400


def test_what_is_open(locked: FlaskClient) -> None:
    for path in ("/", "/info", "/model/registry", "/model/registry?api_key=None", "/healthz", "/readiness"):
        assert locked.get(path).status_code == 200
    for path in ("/model/remove", "/model/clear"):
        response = locked.post(path, json={"model_id": "fake"})
        assert response.status_code == 401
        assert 'api_key_transport="header"' in response.json["message"]
        assert (
            locked.post(path, json={"model_id": "fake"}, headers={"Authorization": f"Bearer {KEY}"}).status_code == 200
        )


def test_sources_are_logged_and_keys_are_not(
    client: FlaskClient, body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client.post(SEGMENT, json=body | {"source": "camera", "source_info": "x" * 99, "api_key": "sesame-open"})
    (record,) = [record for record in caplog.records if record.name == "maskserve.request"]
    assert record.fields["source"] == "camera"
    assert record.fields["source_info"] == "x" * 80
    assert (record.fields["model_id"], record.fields["n"]) == ("fake/1", 2)
    assert "sesame" not in str(vars(record))


@pytest.mark.parametrize("path", ["/infer/nothing", "/model/nothing", "/a/b/c", "/model"])
def test_every_error_has_a_message(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert isinstance(response.json["message"], str)


def test_what_takes_too_long_is_not_sent_again(body: dict[str, Any]) -> None:
    app = create_app(Settings(), ready_services(FakeEngine(seconds=0.5), deadline_seconds=0.2))
    response = app.test_client().post(SEGMENT, json=body)
    assert response.status_code == 413
    assert "deadline" in response.json["message"]


def test_the_start_is_waited_for(body: dict[str, Any]) -> None:
    engine = FakeEngine()

    def make() -> Model:
        time.sleep(0.3)
        return Model(engine, Dispatcher(engine.predict, 8))

    services = fake_services(make)
    client = create_app(Settings(), services).test_client()
    services.pool.start()
    assert client.get("/readiness").status_code == 503
    assert client.get("/model/registry").json == {"models": []}
    assert client.post("/model/remove", json={"model_id": "fake"}).status_code == 503
    assert client.post(SEGMENT, json=body).status_code == 200
