"""/gaze/gaze_detection: what goes in, what comes out, with a fake model."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from container.app import create_app
from container.settings import Settings
from tests.conftest import encode
from tests.fakes import FakeEngine, FakeGazeEngine, ready_services
from tests.protocols.roboflow.conftest import as_value

DETECT = "/gaze/gaze_detection"
PAIR = as_value(encode(np.full((60, 80, 3), 7, np.uint8)))
NOBODY = as_value(encode(np.full((30, 40, 3), 7, np.uint8)))


@pytest.fixture
def model() -> FakeGazeEngine:
    return FakeGazeEngine()


@pytest.fixture
def client(model: FakeGazeEngine) -> Iterator[FlaskClient]:
    app = create_app(Settings(), ready_services(model, max_images=3))
    yield app.test_client()
    app.services.pool.close()


def test_faces_have_boxes_points_and_angles(client: FlaskClient) -> None:
    answer = client.post(DETECT, json={"image": PAIR, "api_key": "any"})
    assert answer.status_code == 200, answer.json
    assert answer.headers["X-Model-Id"] == "fake"
    (found,) = answer.json
    assert set(found) == {"predictions", "time", "time_face_det", "time_gaze_det"}
    assert 0 < found["time"] < 10
    assert (found["time_face_det"], found["time_gaze_det"]) == (0.5, 0.25)
    one, other = found["predictions"]
    assert one == {
        "face": {
            "x": 20, "y": 30, "width": 40, "height": 60, "confidence": 0.9975, "class": "face", "class_id": 0,
            "landmarks": [{"x": x, "y": x + 1} for x in (0, 2, 4, 6, 8)],
        },
        "yaw": 0.25,
        "pitch": 0.125,
    }  # fmt: skip
    assert (other["face"]["x"], other["face"]["landmarks"][0], other["yaw"]) == (60, {"x": 40, "y": 1}, -0.25)


@pytest.mark.parametrize(
    ("image", "counts"), [(PAIR, [2]), ([PAIR], [2]), (NOBODY, [0]), ([NOBODY, PAIR, NOBODY], [0, 2, 0])]
)
def test_the_answer_is_a_list_of_all_pictures(client: FlaskClient, image: Any, counts: list[int]) -> None:
    assert [len(one["predictions"]) for one in client.post(DETECT, json={"image": image}).json] == counts


@pytest.mark.parametrize(("value", "asked"), [(None, True), (True, True), (False, False)])
def test_a_picture_may_be_said_to_be_a_face(
    client: FlaskClient, model: FakeGazeEngine, value: bool | None, asked: bool
) -> None:
    assert client.post(DETECT, json={"image": PAIR, "do_run_face_detection": value}).status_code == 200
    assert model.asked_for[-1].find_faces is asked


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "image of the JSON body is missing"),
        ({"image": []}, 422, "image of the JSON body is empty"),
        ({"image": 5}, 400, "an image is a string of base64"),
        ({"image": [PAIR, as_value(b"no picture")]}, 415, "picture 2 of 2: "),
        ({"image": [PAIR] * 4}, 413, "the list holds 4 pictures; at most 3 are allowed"),
        ({"image": PAIR, "do_run_face_detection": "no"}, 422, "do_run_face_detection is 'no'; it takes true or false"),
        ({"image": {"type": "numpy", "value": "gASVAAAA"}}, 400, "numpy"),
    ],
)
def test_errors(client: FlaskClient, body: dict[str, Any], status: int, words: str) -> None:
    answer = client.post(DETECT, json=body)
    assert answer.status_code == status, answer.json
    assert words in answer.json["message"]


def test_without_a_model_it_says_where_it_comes_from_before_a_picture_is_decoded() -> None:
    app = create_app(Settings(), ready_services(FakeEngine()))
    for image in (PAIR, as_value(b"no picture"), None):
        answer = app.test_client().post(DETECT, json={"image": image})
        assert answer.status_code == 501
        for words in (
            "MASKSERVE_MODEL_STORE/gaze/",
            "gaze-estimation-adas-0002",
            "https://storage.openvinotoolkit.org",
        ):
            assert words in answer.json["message"]
    app.services.pool.close()


def test_other_paths_below_it_are_not_there(client: FlaskClient) -> None:
    assert client.post("/gaze/other", json={"image": PAIR}).status_code == 404
    assert client.get(DETECT).status_code == 405


def test_the_registry_says_what_the_model_is_for(client: FlaskClient) -> None:
    rows = client.get("/model/registry").json["models"]
    assert [(row["model_id"], row["task_type"]) for row in rows] == [("fake/1", "gaze")]


@pytest.mark.parametrize("path", ["/infer/instance_segmentation", "/sam/segment_image"])
def test_other_routes_do_not_take_it(client: FlaskClient, path: str) -> None:
    answer = client.post(path, json={"model_id": "fake/1", "image": PAIR})
    assert answer.status_code in (400, 501)
