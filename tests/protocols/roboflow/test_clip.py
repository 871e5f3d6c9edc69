"""/clip/…: what goes in, what comes out, with a fake model."""

import base64
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.settings import Settings
from tests.conftest import encode
from tests.fakes import FakeClipEngine, FakeEngine, ready_services
from tests.protocols.roboflow.conftest import as_value

IMAGE, TEXT, COMPARE = "/clip/embed_image", "/clip/embed_text", "/clip/compare"


def filled(*color: int, side: int = 20) -> dict[str, str]:
    """A picture of one colour."""
    return as_value(encode(np.full((side, side, 3), color, np.uint8)))


RED, GREEN, BLUE = filled(9, 0, 0), filled(0, 9, 0), filled(0, 0, 9)


@pytest.fixture
def clip() -> FakeClipEngine:
    return FakeClipEngine()


@pytest.fixture
def client(clip: FakeClipEngine) -> Iterator[FlaskClient]:
    app = create_app(Settings(), ready_services(clip, max_pixels=1000))
    yield app.test_client()
    app.services.pool.close()


@pytest.mark.parametrize(
    ("path", "body", "embeddings"),
    [
        (IMAGE, {"image": RED}, [[9, 0, 0]]),
        (IMAGE, {"image": RED["value"]}, [[9, 0, 0]]),
        (IMAGE, {"image": [RED, BLUE, RED]}, [[9, 0, 0], [0, 0, 9], [9, 0, 0]]),
        (TEXT, {"text": "rr"}, [[2, 0, 0]]),
        (TEXT, {"text": ["g", "", "g"]}, [[0, 1, 0], [0, 0, 0], [0, 1, 0]]),
    ],
)
def test_embeddings(client: FlaskClient, path: str, body: dict[str, Any], embeddings: list[list[float]]) -> None:
    answer = client.post(path, json={**body, "api_key": "any", "unknown": 1, "id": "mine"})
    assert answer.status_code == 200, answer.json
    assert answer.json.pop("time") >= 0
    assert answer.json | {"time": 0} == {
        "inference_id": "mine", "frame_id": None, "time": 0, "embeddings": embeddings,
    }  # fmt: skip
    assert answer.headers["X-Model-Id"] == "fake"


@pytest.mark.parametrize(
    ("body", "similarity"),
    [
        ({"subject": RED, "prompt": ["r", "g", "rg"]}, [1, 0, 0.5**0.5]),
        ({"subject": RED, "prompt": "r"}, [1]),
        ({"subject": RED, "prompt": {"red": "r", "green": "g"}}, {"red": 1, "green": 0}),
        ({"subject": RED, "prompt": RED, "prompt_type": "image"}, [1]),
        ({"subject": RED, "prompt": [RED, GREEN], "prompt_type": "image"}, [1, 0]),
        ({"subject": RED, "prompt": {"a": RED, "b": GREEN}, "prompt_type": "image"}, {"a": 1, "b": 0}),
        ({"subject": "r", "subject_type": "text", "prompt": ["r", "g"]}, [1, 0]),
        ({"subject": "r", "subject_type": "text", "prompt": [RED, GREEN], "prompt_type": "image"}, [1, 0]),
        ({"subject": "nothing of them", "subject_type": "text", "prompt": ["xyz"]}, [0]),
    ],
)
def test_comparisons(client: FlaskClient, body: dict[str, Any], similarity: Any) -> None:
    answer = client.post(COMPARE, json=body)
    assert answer.status_code == 200, answer.json
    assert set(answer.json) == {"inference_id", "frame_id", "time", "parent_id", "similarity"}
    assert answer.json["parent_id"] is answer.json["frame_id"] is None
    assert answer.json["similarity"] == pytest.approx(similarity)


def test_what_is_embedded_once(client: FlaskClient, clip: FakeClipEngine) -> None:
    """The same content is not asked again; what is new is asked together."""
    client.post(IMAGE, json={"image": [RED, GREEN, RED]})
    client.post(TEXT, json={"text": ["r", "g", "r"]})
    client.post(COMPARE, json={"subject": RED, "prompt": ["r", "b"]})
    client.post(COMPARE, json={"subject": BLUE, "prompt": ["r", "rgb"]})
    client.post(IMAGE, json={"image": GREEN})
    assert [(len(one.pictures), list(one.texts)) for one in clip.asked_for] == [
        (2, []), (0, ["r", "g"]), (0, ["b"]), (1, ["rgb"]),
    ]  # fmt: skip


def test_pictures_that_are_too_large_together_are_asked_in_turn(client: FlaskClient, clip: FakeClipEngine) -> None:
    pictures = [filled(i, 0, 0) for i in range(5)]  # of 400 pixels, of 1000
    answer = client.post(IMAGE, json={"image": pictures})
    assert answer.json["embeddings"] == [[i, 0, 0] for i in range(5)]
    assert [len(one.pictures) for one in clip.asked_for] == [2, 2, 1]


def test_the_budget_of_pixels_is_given_back(client: FlaskClient) -> None:
    budget = client.application.services.pipeline.pixels  # type: ignore[attr-defined]
    assert client.post(IMAGE, json={"image": [RED, GREEN, filled(1, 2, 3)]}).status_code == 200
    assert budget.held == 0


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        (IMAGE, {}, 422, "image of the JSON body is missing"),
        (IMAGE, {"image": []}, 400, "image holds 0 images; one request takes 1 to 8"),
        (IMAGE, {"image": [RED] * 9}, 400, "image holds 9 images; one request takes 1 to 8"),
        (IMAGE, {"image": 7}, 400, "an image is a string of base64 or"),
        (IMAGE, {"image": [RED, 7]}, 400, "picture 2 of 2: an image is a string"),
        (IMAGE, {"image": [RED, {"type": "pickle", "value": "x"}]}, 400, "picture 2 of 2: the image type is 'pickle'"),
        (IMAGE, {"image": {"type": "base64", "value": base64.b64encode(b"nothing").decode()}}, 415, "picture"),
        (IMAGE, {"image": {"type": "url", "value": "https://example.com/a.jpg"}}, 400, "MASKSERVE_URL_HOSTS"),
        (IMAGE, {"image": filled(1, 1, 1, side=40)}, 413, "1600"),
        (IMAGE, {"image": RED, "clip_version_id": "RN50"}, 501, "clip_version_id 'RN50'; there are: fake"),
        (IMAGE, {"image": RED, "clip_version_id": 7}, 422, "clip_version_id"),
        (IMAGE, {"image": RED, "id": 7}, 422, "id is 7"),
        (TEXT, {"text": None}, 422, "text of the JSON body is missing"),
        (TEXT, {"text": ["r"] * 9}, 400, "text holds 9 texts; one request takes 1 to 8"),
        (TEXT, {"text": ["r", 7]}, 422, "text holds 7; it takes texts"),
        (TEXT, {"text": {"a": "b"}}, 422, "it takes texts"),
        (COMPARE, {"subject": RED}, 422, "prompt of the JSON body is missing"),
        (COMPARE, {"prompt": "r"}, 422, "subject of the JSON body is missing"),
        (COMPARE, {"subject": [RED], "prompt": "r"}, 422, "subject is a list"),
        (
            COMPARE,
            {"subject": RED, "prompt": "r", "prompt_type": "audio"},
            422,
            "prompt_type is 'audio'; it takes image or",
        ),
        (COMPARE, {"subject": RED, "prompt": "r", "subject_type": ["text"]}, 422, "subject_type is ['text']"),
        (COMPARE, {"subject": RED, "prompt": {}}, 400, "prompt holds 0 texts"),
        (COMPARE, {"subject": RED, "prompt": {str(i): "r" for i in range(9)}}, 400, "prompt holds 9 texts"),
        (COMPARE, {"subject": RED, "prompt": [RED]}, 422, "prompt holds {'type'"),
        (COMPARE, {"subject": RED, "subject_type": "text", "prompt": "r"}, 422, "subject holds"),
    ],
)
def test_bad_requests_are_told_why(
    client: FlaskClient, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status, answer.json
    assert words in answer.json["message"]


@pytest.mark.parametrize("body", [{"image": {"type": "base64", "value": "bm90aGluZw=="}}, {"image": RED}])
def test_without_a_model_nothing_is_decoded(body: dict[str, Any]) -> None:
    app = create_app(Settings(), ready_services(FakeEngine()))
    answer = app.test_client().post(IMAGE, json=body)
    assert answer.status_code == 501
    assert "there are no weights for /clip; put a folder of transformers' CLIPModel into" in answer.json["message"]
    assert "MASKSERVE_MODEL_STORE/clip/VERSION/" in answer.json["message"]
    app.services.pool.close()


def test_what_the_registry_says(client: FlaskClient) -> None:
    rows = client.get("/model/registry").json["models"]
    assert [(row["model_id"], row["task_type"]) for row in rows] == [("fake/1", "clip")]
    answer = client.post("/infer/classification", json={"model_id": "fake/1", "image": RED})
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
    assert "is for clip; POST /clip/embed_image" in answer.json["message"]


def test_the_log(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client.post(COMPARE, json={"subject": RED, "prompt": ["r", "g"]})
    (line,) = (record.fields for record in caplog.records if record.name == "maskserve.request")
    assert (line["model_id"], line["pictures"], line["n"]) == ("fake", 1, 3)
    assert {"decode", "inference", "encode"} <= line["stages_ms"].keys()
