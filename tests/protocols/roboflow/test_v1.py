"""POST /infer/…: what goes in, what comes out, with the fake model."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from pycocotools import mask as coco

from container.app import create_app
from container.engines.preprocessing import applied
from container.settings import Settings
from container.structures import Classification, Instances, ModelSpec, Preprocessing, RoiMasks, SemanticMap
from container.structures.result import WinningProbabilities
from tests.conftest import encode, pixels_of
from tests.fakes import LABELS, FakeEngine, ready_services
from tests.protocols.roboflow.conftest import GREY, as_value

SEGMENT = "/infer/instance_segmentation"
HORSE = {
    "x": 10.0,
    "y": 15.0,
    "width": 20.0,
    "height": 30.0,
    "confidence": 0.9975,
    "class": "horse",
    "class_id": 1,
    "mask_format": "polygon",
    "points": [{"x": 1, "y": 0}, {"x": 1, "y": 29}, {"x": 19, "y": 29}, {"x": 19, "y": 0}],
}


def without_ids(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "detection_id"}


def test_the_answer_for_one_picture(client: FlaskClient, body: dict[str, Any]) -> None:
    response = client.post(SEGMENT, json=body)
    assert response.status_code == 200, response.json
    document = response.json
    assert set(document) == {"inference_id", "predictions", "image", "time"}
    assert document["image"] == {"width": 40, "height": 30}
    assert 0 <= document["time"] < 20
    horse, person = document["predictions"]
    assert without_ids(horse) == HORSE
    assert (person["class"], person["class_id"], person["confidence"]) == ("person", 0, 0.53)
    assert horse["detection_id"] != person["detection_id"] != document["inference_id"]
    assert response.headers["X-Model-Id"] == "fake/1"
    assert float(response.headers["X-Processing-Time"]) > 0
    assert "X-Model-Cold-Start" not in response.headers


def test_the_same_as_invocations(client: FlaskClient, body: dict[str, Any], small_png: bytes) -> None:
    theirs = client.post("/invocations?masks=rle&confidence=0.4", data=small_png).json
    ours = client.post(SEGMENT, json=body | {"response_mask_format": "rle"}).json["predictions"]
    assert [item["rle"] for item in ours] == theirs["masks"]
    assert [item["confidence"] for item in ours] == theirs["scores"]
    assert [item["mask_format"] for item in ours] == ["rle", "rle"]
    assert not [item for item in ours if "points" in item]
    assert coco.area([{**item["rle"], "counts": item["rle"]["counts"].encode()} for item in ours]).tolist() == [
        570,
        600,
    ]


@pytest.mark.parametrize("model_id", ["fake", "fake/1"])
def test_an_id_has_two_spellings(client: FlaskClient, body: dict[str, Any], model_id: str) -> None:
    response = client.post(SEGMENT, json=body | {"model_id": model_id})
    assert (response.status_code, response.headers["X-Model-Id"]) == (200, model_id)


def test_a_list_is_answered_by_a_list_in_order(client: FlaskClient, body: dict[str, Any]) -> None:
    pictures = [encode(np.full((10 + i, 20, 3), 9, np.uint8)) for i in range(5)]
    document = client.post(SEGMENT, json=body | {"image": [as_value(one) for one in pictures]}).json
    assert [one["image"]["height"] for one in document] == [10, 11, 12, 13, 14]
    assert len({one["inference_id"] for one in document}) == 5
    (single,) = client.post(SEGMENT, json=body | {"image": [as_value(pictures[0])]}).json
    assert single["image"] == {"width": 20, "height": 10}


def test_pictures_of_a_list_may_have_more_pixels_than_one_may(small_png: bytes) -> None:
    """Such as eight photos of a telephone; they are taken as many at a time as fit."""
    engine = FakeEngine()
    app = create_app(Settings(), ready_services(engine, batch_size=8, max_pixels=3000))
    asked = {"model_id": "fake/1", "image": [as_value(small_png)] * 5}
    assert len(app.test_client().post(SEGMENT, json=asked).json) == 5
    large = encode(np.zeros((60, 60, 3), np.uint8))
    response = app.test_client().post(SEGMENT, json=asked | {"image": [as_value(small_png), as_value(large)]})
    assert response.status_code == 413
    assert response.json["message"].startswith("picture 2 of 2: the picture declares 60x60 = 3600 pixels")


@pytest.mark.parametrize(
    ("fields", "classes"),
    [
        ({"confidence": 0.6}, ["horse"]),
        ({"confidence": 1}, []),
        ({"class_filter": ["person"]}, ["person"]),
        ({"class_filter": ["unicorn"]}, []),
        ({"class_filter": ["unicorn", "horse"]}, ["horse"]),
        ({"confidence": None, "class_filter": None}, ["horse", "person"]),
    ],
)
def test_fields_that_select(
    client: FlaskClient, body: dict[str, Any], fields: dict[str, Any], classes: list[str]
) -> None:
    document = client.post(SEGMENT, json=body | fields).json
    assert [item["class"] for item in document["predictions"]] == classes
    assert document["image"] == {"width": 40, "height": 30}


def test_options_reach_the_model(client: FlaskClient, engine: FakeEngine, body: dict[str, Any]) -> None:
    asked = {
        "iou_threshold": 0.7,
        "class_agnostic_nms": True,
        "max_detections": 9,
        "max_candidates": 99,
        "mask_decode_mode": "tradeoff",
        "tradeoff_factor": 0.25,
    }
    client.post(SEGMENT, json=body)
    client.post(SEGMENT, json=body | asked)
    first, second = engine.asked_for[-2:]
    assert (first.iou_threshold, first.max_detections, first.max_candidates) == (0.3, 300, 3000)
    assert {name: getattr(second, name) for name in asked} == asked


def test_the_id_of_the_caller(client: FlaskClient, body: dict[str, Any]) -> None:
    assert client.post(SEGMENT, json=body | {"id": "mine"}).json["inference_id"] == "mine"


def test_boxes_alone(client: FlaskClient, body: dict[str, Any]) -> None:
    horse, _ = client.post("/infer/object_detection", json=body).json["predictions"]
    assert set(horse) == {"x", "y", "width", "height", "confidence", "class", "class_id", "detection_id"}


def test_a_picture_is_drawn_for_each(client: FlaskClient, body: dict[str, Any], small_png: bytes) -> None:
    asked = body | {"visualize_predictions": True, "image": [as_value(small_png), as_value(encode(GREY[:20]))]}
    plain, labelled = (
        [pixels_of(base64.b64decode(one["visualization"])) for one in client.post(SEGMENT, json=asked | more).json]
        for more in ({}, {"visualization_labels": True, "visualization_stroke_width": 5})
    )
    assert [one.shape for one in plain] == [(30, 40, 3), (20, 40, 3)]
    assert (plain[0] != labelled[0]).any() and (plain[0] != 128).any()


def test_orientation_may_be_left_out(client: FlaskClient, body: dict[str, Any]) -> None:
    turned = encode(GREY, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")
    sizes = [
        client.post(SEGMENT, json=body | {"image": as_value(turned), "disable_preproc_auto_orient": off}).json["image"]
        for off in (False, True)
    ]
    assert sizes == [{"width": 30, "height": 40}, {"width": 40, "height": 30}]


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"model_id": "nowhere/3"}, 404, "nowhere/3"),
        ({"model_id": None}, 422, "model_id of the JSON body is missing"),
        ({"model_id": 7}, 422, "model_id of the JSON body is no string"),
        ({"image": None}, 422, "image of the JSON body is missing"),
        ({"image": []}, 422, "image of the JSON body is empty"),
        ({"image": {"type": "numpy", "value": "gASV"}}, 400, "the image type is 'numpy'; allowed types: base64, url"),
        ({"image": {"type": "file", "value": "/etc/passwd"}}, 400, "the image type is 'file'"),
        ({"image": {"type": "base64", "value": "////"}}, 415, "JPEG"),
        ({"image": {"type": "base64", "value": "?"}}, 400, "not base64"),
        ({"image": {"type": "url", "value": "https://example.com/a.jpg"}}, 400, "URL input is off"),
        ({"image": [{"type": "base64", "value": "?"}] * 2}, 400, "picture 1 of 2: the value is not base64"),
        ({"confidence": 2}, 400, "confidence is 2"),
        ({"mask_decode_mode": "tradeoff", "tradeoff_factor": 1.5}, 400, "tradeoff_factor is 1.5"),
        ({"response_mask_format": "png"}, 422, "response_mask_format is 'png'"),
    ],
)
def test_a_wrong_request_is_told(
    client: FlaskClient, body: dict[str, Any], change: dict[str, Any], status: int, message: str
) -> None:
    response = client.post(SEGMENT, json=body | change)
    assert response.status_code == status, response.json
    assert message in response.json["message"]
    assert ("detail" in response.json) == (status == 422)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"null", b'"x"'])
def test_a_body_that_is_no_object(client: FlaskClient, data: bytes) -> None:
    response = client.post(SEGMENT, data=data, content_type="application/json")
    assert response.status_code == 400
    assert response.json["message"].startswith("the body is not JSON" if data in (b"", b"{") else "the JSON body is no")


@pytest.mark.parametrize(
    "path", ["/infer/classification", "/infer/semantic_segmentation", "/infer/keypoints_detection"]
)
def test_the_route_of_another_task(client: FlaskClient, body: dict[str, Any], path: str) -> None:
    response = client.post(path, json=body)
    assert response.status_code == 400
    message = "model 'fake/1' is for instance segmentation; POST /infer/instance_segmentation"
    assert response.json["message"] == message


class Whole(FakeEngine):
    """Answers what it is given."""

    def __init__(self, answer: Any, task: str, labels: tuple[str, ...]) -> None:
        super().__init__(ModelSpec("fake", "fake_net", "NONE", labels))
        self.answer = answer
        self.task = task

    def _instances(self, pixels: np.ndarray, options: Any) -> Any:
        self.asked_for.append(options)
        return self.answer


def one(box: list[float], label: str, size: tuple[int, int], **more: Any) -> Instances:
    """One instance of class 1."""
    return Instances(size, np.array([box], np.float32), np.array([0.8], np.float32), np.array([1]), (label,), **more)


def ask(engine: FakeEngine, path: str, **fields: Any) -> Any:
    app = create_app(Settings(), ready_services(engine))
    picture = encode(np.full((4, 6, 3), 200, np.uint8))
    response = app.test_client().post(path, json={"model_id": "fake", "image": as_value(picture), **fields})
    assert response.status_code == 200, response.json
    return response.json


def test_keypoints() -> None:
    points = np.array([[[1, 2, 0.9], [3, 1, 0.2]]], np.float32)
    found = Instances(
        (4, 6),
        np.array([[0, 0, 6, 4]], np.float32),
        np.array([0.8], np.float32),
        np.array([1]),
        ("person",),
        None,
        points,
    )
    engine = Whole(found, "keypoint detection", ("__background__", "person"))
    (person,) = ask(engine, "/infer/keypoints_detection")["predictions"]
    assert person["keypoints"] == [
        {"x": 1.0, "y": 2.0, "confidence": 0.9, "class_id": 0, "class": "keypoint_1"},
        {"x": 3.0, "y": 1.0, "confidence": 0.2, "class_id": 1, "class": "keypoint_2"},
    ]
    assert "points" not in person
    (person,) = ask(engine, "/infer/keypoints_detection", keypoint_confidence=0.5)["predictions"]
    assert [point["class"] for point in person["keypoints"]] == ["keypoint_1"]


def test_classes() -> None:
    scores = np.array([0.6, 0.3, 0.1], np.float32)
    engine = Whole(
        Classification((4, 6), scores, np.array([2, 0, 1]), ("c", "a", "b")), "classification", ("a", "b", "c")
    )
    document = ask(engine, "/infer/classification", visualize_predictions=True)
    assert document["predictions"] == [{"class": "c", "class_id": 2, "confidence": 0.6}]
    assert (document["top"], document["confidence"]) == ("c", 0.6)
    assert pixels_of(base64.b64decode(document["visualization"])).shape == (4, 6, 3)
    assert (engine.asked_for[-1].confidence, engine.asked_for[-1].max_detections) == (0.0, 3)
    assert [one["class"] for one in ask(engine, "/infer/classification", confidence=0.2)["predictions"]] == ["c", "a"]
    document = ask(engine, "/infer/classification", confidence=0.7)
    assert (document["predictions"], document["top"], document["confidence"]) == ([], "", 0.0)


def test_an_outline_is_that_of_the_largest_part_without_its_holes() -> None:
    mask = np.zeros((1, 28, 28), np.float32)
    mask[0, 2:26, 2:20] = 1
    mask[0, 8:14, 8:14] = 0
    mask[0, 4:8, 23:27] = 1
    size, box = (280, 280), [0, 0, 280, 280]
    found = one(box, "a", size, masks=RoiMasks(mask, np.array([box], np.float32), size))
    engine = Whole(found, "instance segmentation", ("__background__", "a"))
    (item,) = ask(engine, SEGMENT)["predictions"]
    points = np.array([[point["x"], point["y"]] for point in item["points"]])
    assert points[:, 0].max() < 220
    assert len(points) >= 3
    json.dumps(item)


def test_a_class_map() -> None:
    """Classes of a confidence under the least are background at that pixel; COCO's gaps are not counted."""
    class_ids = np.array([[0, 3, 3], [1, 1, 0]], np.uint8)
    sure = np.array([[255, 230, 51], [153, 255, 255]], np.uint8)
    winners = WinningProbabilities(sure, (2, 3), (1, 1), (2, 3))
    found = SemanticMap(class_ids, {1: 0.8, 3: 0.5}, ("__background__", "cat", "N/A", "dog"), winners)
    engine = Whole(found, "semantic segmentation", found.labels)
    document = ask(engine, "/infer/semantic_segmentation", visualize_predictions=True)
    maps = document["predictions"]
    assert maps["class_map"] == {"0": "background", "1": "cat", "2": "dog"}
    assert maps["present_class_ids"] == [0, 1, 2]
    shown, confidences = (pixels_of(base64.b64decode(maps[f"{one}_mask"])) for one in ("segmentation", "confidence"))
    assert shown.tolist() == [[0, 2, 0], [1, 1, 0]]
    assert confidences.tolist() == sure.tolist()
    assert engine.asked_for[-1].confidence == 0.0
    maps = ask(engine, "/infer/semantic_segmentation", confidence=0.95)["predictions"]
    assert maps["present_class_ids"] == [0, 1]


def test_a_list_is_one_batch_where_the_model_takes_several(small_png: bytes) -> None:
    batches = []

    class Counting(FakeEngine):
        def predict(self, queries: Any) -> Any:
            batches.append(len(queries))
            return super().predict(queries)

    app = create_app(Settings(), ready_services(Counting(seconds=0.05), batch_size=8))
    response = app.test_client().post(SEGMENT, json={"model_id": "fake", "image": [as_value(small_png)] * 8})
    assert len(response.json) == 8
    assert sum(batches) == 8 and max(batches) > 1


@pytest.mark.parametrize(
    ("fields", "center"),
    [({}, 25), ({"disable_preproc_static_crop": True}, 10), ({"disable_preproc_grayscale": True}, 25)],
)
def test_steps_of_preprocessing_may_be_left_out(fields: dict[str, Any], center: float) -> None:
    """The fake model finds a horse in the left half of what it sees: here of the right half of the picture."""
    steps = Preprocessing(True, static_crop=(50, 0, 100, 100))
    spec = ModelSpec("fake", "fake_net", "NONE", LABELS, preprocessing=steps)
    app = create_app(Settings(), ready_services(applied(FakeEngine(spec))))
    response = app.test_client().post(SEGMENT, json={"model_id": "fake", "image": as_value(encode(GREY)), **fields})
    assert response.json["predictions"][0]["x"] == center


def test_a_list_has_together_no_more_detections_than_one_picture_may(client: FlaskClient, small_png: bytes) -> None:
    asked = {"model_id": "fake/1", "image": [as_value(small_png)] * 2, "max_detections": 60_000}
    response = client.post(SEGMENT, json=asked)
    assert response.status_code == 400
    assert response.json["message"].startswith("max_detections is 60000 for 2 pictures")
    response = client.post(SEGMENT, json=asked | {"image": [as_value(small_png)] * 257, "max_detections": 1})
    assert response.status_code == 413
    assert response.json["message"].startswith("the list holds 257 pictures; at most 256 are allowed")


def test_a_class_without_a_name_is_left_out() -> None:
    found = one([0, 0, 6, 4], "N/A", (4, 6))
    engine = Whole(found, "object detection", ("__background__", "N/A", "dog"))
    assert ask(engine, "/infer/object_detection")["predictions"] == []
