"""Values as JSON: pictures, detections in both coordinate systems, plain values."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import cv2
import numpy as np
import pytest

from container.cancellation import cancelled_by
from container.errors import DeadlineExceeded, PayloadTooLarge
from container.structures import Bitmasks, Instances
from container.workflows import serialise
from container.workflows.serialise import Serialiser
from container.workflows.values import Detections, Frame, Picture
from tests.fakes import EndsAt


def found(frame: Frame, *boxes: tuple[float, float, float, float], masks: bool = True) -> Detections:
    bitmaps = np.zeros((len(boxes), *frame.size), bool)
    for bitmap, (left, top, right, bottom) in zip(bitmaps, boxes, strict=True):
        bitmap[int(top) : int(bottom), int(left) : int(right)] = True
    instances = Instances(
        frame.size,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(len(boxes), 0.9, np.float32),
        np.arange(len(boxes)),
        tuple(f"class {i}" for i in range(len(boxes))),
        Bitmasks(bitmaps) if masks else None,
    )
    return Detections(instances, frame, tuple(f"id {i}" for i in range(len(boxes))))


def read(value: Any, own: bool = False) -> Any:
    return json.loads(Serialiser().json(value, own))


WHOLE = Frame("image", (10, 20))


def test_detections_of_a_picture() -> None:
    assert read(found(WHOLE, (2, 2, 6, 5)).with_data("area_px", [12.0])) == {
        "image": {"width": 20, "height": 10},
        "predictions": [
            {
                "width": 4.0,
                "height": 3.0,
                "x": 4.0,
                "y": 3.5,
                "confidence": 0.9,
                "class_id": 0,
                "points": [{"x": 2, "y": 2}, {"x": 2, "y": 4}, {"x": 5, "y": 4}, {"x": 5, "y": 2}],
                "class": "class 0",
                "detection_id": "id 0",
                "area_px": 12.0,
                "parent_id": "image",
            }
        ],
    }


def test_run_lengths_in_place_of_points() -> None:
    (one,) = read(replace(found(WHOLE, (2, 2, 6, 5)), rle=True))["predictions"]
    assert one["rle_mask"]["size"] == [10, 20] and "points" not in one


def test_an_empty_mask_is_left_out_and_an_empty_picture_has_its_size() -> None:
    assert [one["class"] for one in read(found(WHOLE, (3, 3, 3, 3), (2, 2, 6, 5)))["predictions"]] == ["class 1"]
    assert read(found(WHOLE)) == {"image": {"width": 20, "height": 10}, "predictions": []}


@pytest.mark.parametrize(
    ("own", "image", "x", "origins"),
    [
        (False, {"width": 20, "height": 10}, 9.0, {}),
        (
            True,
            {"width": 6, "height": 5},
            2.0,
            {
                "parent_origin": {"offset_x": 3, "offset_y": 1, "width": 12, "height": 9},
                "root_parent_id": "image",
                "root_parent_origin": {"offset_x": 7, "offset_y": 1, "width": 20, "height": 10},
            },
        ),
    ],
)
def test_coordinates_of_a_crop_of_a_crop(own: bool, image: Any, x: float, origins: dict[str, Any]) -> None:
    inner = WHOLE.cut("first", 4, 0, (9, 12)).cut("second", 3, 1, (5, 6))
    answer = read(found(inner, (1, 0, 3, 2)), own)
    (one,) = answer["predictions"]
    assert answer["image"] == image and one["x"] == x
    assert one["parent_id"] == ("second" if own else "image")
    assert {name: value for name, value in one.items() if "origin" in name or "root" in name} == origins
    assert min(point["x"] for point in one["points"]) == (1 if own else 8)


def test_a_picture() -> None:
    pixels = np.full((5, 6, 3), (200, 100, 50), np.uint8)
    answer = read([Picture(pixels, WHOLE.cut("a", 3, 1, (5, 6)))])[0]
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(answer["value"]), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(decoded[..., ::-1].astype(int) - pixels).max() < 6
    assert answer["type"] == "base64" and answer["video_metadata"]["video_identifier"] == "image"
    assert (answer["parent_id"], answer["root_parent_id"]) == ("a", "image")
    assert answer["parent_origin"] == {"offset_x": 3, "offset_y": 1, "width": 20, "height": 10}


class Own:
    def document(self, own: bool) -> Any:
        return {"own": own, "scores": np.array([0.5, np.nan])}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (np.float32(0.5), 0.5),
        (float("inf"), None),
        (np.int64(3), 3),
        ({1: (1, "é"), "b": {2}}, {"1": [1, "é"], "b": [2]}),
        (b"ab", "YWI="),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (Own(), {"own": False, "scores": [0.5, None]}),
    ],
)
def test_plain_values(value: Any, expected: Any) -> None:
    assert read(value) == expected


def test_a_limit_of_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialise, "MAX_ANSWER", 20)
    serialiser = Serialiser()
    serialiser.json("ten bytes", False)
    with pytest.raises(PayloadTooLarge, match="over 20 bytes"):
        serialiser.json("ten bytes", False)


def test_numbers_stand_together_or_beside_other_values() -> None:
    value = {"flat": [1, 2.5, float("nan"), None, True], "mixed": [1, "a", [float("inf")]], "point": {"x": 1, "y": 2}}
    assert read(value) == {"flat": [1, 2.5, None, None, True], "mixed": [1, "a", [None]], "point": {"x": 1, "y": 2}}


def test_a_long_list_is_left_where_it_is_not_wanted_any_more() -> None:
    rows = [["a"]] * 1000
    with cancelled_by(EndsAt(10, DeadlineExceeded("late"))), pytest.raises(DeadlineExceeded):
        Serialiser().json(rows, False)
