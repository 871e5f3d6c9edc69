"""/sam2/…: what goes in, what comes out, with a fake model."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from pycocotools import mask as coco

from container.app import create_app
from container.settings import Settings
from tests.conftest import encode
from tests.fakes import FakePromptEngine, ready_services, tried
from tests.protocols.roboflow.conftest import as_value

EMBED, SEGMENT = "/sam2/embed_image", "/sam2/segment_image"
PHOTO = as_value(encode(np.full((64, 64, 3), 7, np.uint8)))
OTHER = as_value(encode(np.full((64, 64, 3), 9, np.uint8)))
CLICK = {"points": [{"x": 32, "y": 32, "positive": True}]}
BOX = {"box": {"x": 20, "y": 30, "width": 20, "height": 40}}
MASK = [[22, 22], [22, 41], [41, 41], [41, 22]]


@pytest.fixture
def sam() -> FakePromptEngine:
    return tried(task="sam2")


@pytest.fixture
def client(sam: FakePromptEngine) -> Iterator[FlaskClient]:
    app = create_app(Settings(), ready_services(sam))
    yield app.test_client()
    app.services.pool.close()


def test_a_picture_is_embedded_under_an_id(client: FlaskClient, sam: FakePromptEngine) -> None:
    given = client.post(EMBED, json={"image": PHOTO, "image_id": "a"}).json
    assert (set(given), given["image_id"]) == ({"image_id", "time"}, "a")
    made = client.post(EMBED, json={"image": PHOTO}).json["image_id"]
    assert len(made) == 12
    for body in ({"image_id": "a"}, {"image_id": made}, {"image": PHOTO}):
        assert client.post(SEGMENT, json=body | {"prompts": CLICK}).status_code == 200
    assert sam.embedded == 1


@pytest.mark.parametrize("prompts", [{"prompts": [CLICK]}, [CLICK], CLICK], ids=["object", "list", "one"])
def test_a_prompt_in_each_spelling(client: FlaskClient, prompts: object) -> None:
    answer = client.post(SEGMENT, json={"image": PHOTO, "prompts": prompts}).json
    assert set(answer) == {"predictions", "time"}
    assert answer["predictions"] == [{"masks": [MASK], "confidence": 0.9, "format": "polygon"}]


@pytest.mark.parametrize(
    "body", [{}, {"prompts": None}, {"prompts": []}, {"prompts": {"prompts": []}}, {"prompts": {}}]
)
def test_no_prompt_is_one_mask(client: FlaskClient, sam: FakePromptEngine, body: dict[str, Any]) -> None:
    assert len(client.post(SEGMENT, json={"image": PHOTO, **body}).json["predictions"]) == 1
    prompt, multimask = sam.asked_for[-1]
    assert (len(prompt.points), prompt.box, multimask) == (0, None, True)


def test_boxes_are_given_by_their_centre(client: FlaskClient, sam: FakePromptEngine) -> None:
    body = {"image": PHOTO, "prompts": [BOX, BOX | CLICK], "multimask_output": False}
    assert len(client.post(SEGMENT, json=body).json["predictions"]) == 2
    for prompt, multimask in sam.asked_for:
        assert prompt.box is not None
        assert (prompt.box.tolist(), multimask) == ([10, 10, 30, 50], False)
    assert sam.asked_for[1][0].points.tolist() == [[32, 32]]


def test_forms_of_a_mask(client: FlaskClient) -> None:
    body = {"image": PHOTO, "prompts": [CLICK, BOX]}
    found = client.post(SEGMENT, json=body | {"format": "rle"}).json["predictions"]
    assert [one["format"] for one in found] == ["rle", "rle"]
    file = client.post(SEGMENT, json=body | {"format": "binary"})
    assert file.content_type == "application/octet-stream"
    with np.load(io.BytesIO(file.data)) as arrays:
        assert arrays["low_res_masks"].shape == (2, 32, 32)
        for one, logits in zip(found, arrays["masks"], strict=True):
            assert (coco.decode(one["masks"]) == (logits > 0)).all()


def test_a_list_of_pictures_has_a_list_of_answers(client: FlaskClient, sam: FakePromptEngine) -> None:
    answers = client.post(SEGMENT, json={"image": [PHOTO, OTHER], "prompts": CLICK}).json
    assert [one["predictions"][0]["masks"] for one in answers] == [[MASK], [MASK]]
    assert sam.embedded == 2


def test_logits_of_the_last_request_go_in_again(client: FlaskClient, sam: FakePromptEngine) -> None:
    body = {"image": PHOTO, "image_id": "a", "prompts": [CLICK, BOX]}
    client.post(SEGMENT, json=body | {"load_logits_from_cache": True})  # none are kept: no error
    client.post(SEGMENT, json=body | {"save_logits_to_cache": True})
    client.post(SEGMENT, json=body | {"load_logits_from_cache": True})
    assert [prompt.mask is None for prompt, _ in sam.asked_for] == [True] * 4 + [False] * 2


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"prompts": CLICK}, 400, "neither image nor image_id"),
        ({"image_id": "b", "prompts": CLICK}, 400, "image_id 'b'"),
        ({"image": PHOTO, "prompts": "here"}, 422, "a prompt is an object"),
        ({"image": PHOTO, "prompts": [CLICK, 7]}, 422, "prompt 2: a prompt is an object"),
        ({"image": PHOTO, "prompts": {"points": [{"x": 1}]}}, 422, "y is None; it takes a number of pixels"),
        ({"image": PHOTO, "prompts": {"points": [{"x": 1, "y": "2"}]}}, 422, "y is '2'"),
        ({"image": PHOTO, "prompts": {"points": [{"x": 1, "y": 2, "positive": 1}]}}, 422, "a point is"),
        ({"image": PHOTO, "prompts": {"points": [CLICK["points"][0]] * 1001}}, 422, "at most 1000"),
        ({"image": PHOTO, "prompts": {"box": [1, 2, 3, 4]}}, 422, "a box is"),
        ({"image": PHOTO, "prompts": {"box": {"x": 1, "y": 2, "width": -3, "height": 4}}}, 422, "-3 and 4"),
        ({"image": PHOTO, "prompts": [CLICK] * 257}, 422, "there are 257 prompts; at most 256"),
        ({"image": PHOTO, "format": "polygon"}, 422, "format is 'polygon'; it takes json or rle or binary"),
        ({"image": PHOTO, "multimask_output": "yes"}, 422, "multimask_output is 'yes'; it takes true or false"),
        ({"image": PHOTO, "sam2_version_id": "hiera_tiny"}, 501, "'hiera_tiny'; there are: fake"),
        ({"image": []}, 400, "a list of 0"),
        ({"image": [PHOTO], "image_id": "a"}, 400, "no image_id"),
    ],
)
def test_bad_requests_are_told_why(client: FlaskClient, body: dict[str, Any], status: int, words: str) -> None:
    answer = client.post(SEGMENT, json=body)
    assert answer.status_code == status, answer.json
    assert words in answer.json["message"]


def test_a_sam_is_no_sam2(client: FlaskClient) -> None:
    assert client.post("/sam/segment_image", json={"image": PHOTO}).status_code == 501


def test_masks_over_the_limit_are_refused_before_they_are_made(client: FlaskClient, sam: FakePromptEngine) -> None:
    wide = as_value(encode(np.zeros((1000, 17_000, 3), np.uint8)))
    answer = client.post(SEGMENT, json={"image": wide, "prompts": [CLICK] * 256})
    assert (answer.status_code, sam.asked_for) == (413, [])
    assert (
        "256 masks of 17000×1000 pixels are 4352 million values; one answer has at most 4295" in answer.json["message"]
    )
