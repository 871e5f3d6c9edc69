"""Prompts of /invocations, with a fake promptable model."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from pycocotools import mask as coco

from container.app import create_app
from container.settings import Settings
from tests.conftest import encode, pixels_of
from tests.fakes import FakeEngine, FakePromptEngine, ready_services, tried

FILE = encode(np.full((64, 64, 3), 7, np.uint8))
PHOTO = base64.b64encode(FILE).decode()
CLICK = {"points": [{"x": 32, "y": 32, "positive": True}]}
BOX = {"box": {"x": 20, "y": 30, "width": 20, "height": 40}}


@pytest.fixture
def sam() -> FakePromptEngine:
    return tried()


@pytest.fixture
def client(sam: FakePromptEngine) -> Iterator[FlaskClient]:
    app = create_app(Settings(), ready_services(sam))
    yield app.test_client()
    app.services.pool.close()


@pytest.mark.parametrize(
    "shape",
    [
        {"image": PHOTO},
        {"image": {"type": "base64", "value": PHOTO}},
        {"inputs": PHOTO},
        {"instances": [{"b64": PHOTO}]},
    ],
    ids=["image", "typed", "inputs", "instances"],
)
def test_prompts_beside_a_picture_in_json(client: FlaskClient, shape: dict[str, Any]) -> None:
    body = {**shape, "prompts": [CLICK, BOX], "parameters": {"masks": "rle"}}
    answer = client.post("/invocations", json=body)
    assert answer.status_code == 200, answer.json
    found = answer.json[0] if "instances" in shape else answer.json
    assert found["labels"] == ["object 90%", "object 90%"]
    assert found["boxes"] == [[22, 22, 42, 42], [10, 10, 30, 50]]
    assert [coco.area(one) for one in found["masks"]] == [400, 800]
    facts = json.loads(answer.headers["X-Amzn-SageMaker-Custom-Attributes"])
    assert (facts["n"], facts.get("ignored")) == (2, None)


def test_prompts_in_a_form(client: FlaskClient) -> None:
    data = {"image": (io.BytesIO(FILE), "photo.png"), "prompts": json.dumps(CLICK)}
    assert client.post("/invocations", data=data).json["boxes"] == [[22, 22, 42, 42]]


def test_a_picture_of_the_masks(client: FlaskClient) -> None:
    answer = client.post(
        "/invocations?render=mask", json={"image": PHOTO, "prompts": CLICK}, headers={"Accept": "image/png"}
    )
    assert answer.status_code == 200, answer.json
    lit = pixels_of(answer.data)[..., :3].any(axis=2)
    assert lit.sum() == 400
    assert lit[32, 32]


def test_a_picture_is_embedded_once(client: FlaskClient, sam: FakePromptEngine) -> None:
    for prompt in (CLICK, BOX, []):
        assert client.post("/invocations", json={"image": PHOTO, "prompts": prompt}).status_code == 200
    assert sam.embedded == 1


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"confidence": 0.95}, 0),
        ({"max_detections": 1}, 1),
        ({"class_filter": ["object"]}, 2),
        ({"class_filter": ["cat"]}, 0),
    ],
)
def test_options_choose_among_the_masks(client: FlaskClient, options: dict[str, Any], count: int) -> None:
    body = {"image": PHOTO, "prompts": [CLICK, BOX], "parameters": options}
    assert len(client.post("/invocations", json=body).json["boxes"]) == count


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"image": PHOTO}, "takes prompts, and there are none"),
        ({"image": PHOTO, "prompts": None}, "takes prompts, and there are none"),
        ({"image": PHOTO, "prompts": 7}, "`prompts`: a prompt is an object"),
        ({"image": PHOTO, "prompts": [{"points": 7}]}, "`prompts`: points are a list"),
        ({"instances": [PHOTO, PHOTO], "prompts": CLICK}, "prompts are for one picture"),
    ],
)
def test_bad_requests_are_told_why(client: FlaskClient, body: dict[str, Any], words: str) -> None:
    answer = client.post("/invocations", json=body)
    assert answer.status_code == 400
    assert words in answer.json["error"]["message"]


def test_other_bodies_of_a_promptable_model(client: FlaskClient) -> None:
    answer = client.post("/invocations", data=FILE, headers={"Content-Type": "image/png"})
    assert answer.status_code == 400
    assert '"prompts"' in answer.json["error"]["hint"]
    new = client.post(
        "/invocations", json={"image": PHOTO, "prompts": CLICK}, headers={"X-Amzn-SageMaker-Session-Id": "NEW_SESSION"}
    )
    assert new.status_code == 400
    assert "outside a session" in new.json["error"]["message"]
    broken = client.post("/invocations", data={"image": (io.BytesIO(FILE), "a.png"), "prompts": "{"})
    assert broken.status_code == 400
    assert "`prompts` of the form is not JSON" in broken.json["error"]["message"]


def test_other_models_take_no_prompts() -> None:
    app = create_app(Settings(), ready_services(FakeEngine()))
    answer = app.test_client().post("/invocations", json={"image": PHOTO, "prompts": CLICK})
    assert answer.status_code == 400
    assert "takes no prompts" in answer.json["error"]["message"]
    app.services.pool.close()
