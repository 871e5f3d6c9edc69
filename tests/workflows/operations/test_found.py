"""Operations on detections, pictures and classifications."""

import base64
import io
import json
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from container.structures import Bitmasks
from container.workflows import serialise
from container.workflows.errors import StepFailed
from container.workflows.values import Frame, Picture
from tests.workflows.operations.samples import FOUND, NONE, PICTURE, after, found

KEYPOINTS = np.array([[[1, 2, 0.9], [np.nan, np.nan, np.nan]]] * 3, np.float32)
ONE = {"type": "SequenceApply"}


@pytest.mark.parametrize(
    ("name", "all_of_them", "each"),
    [
        ("confidence", [0.75, 0.5, 0.25], None),
        ("class_name", ["person", "horse", "person"], None),
        ("class_id", [0, 1, 0], None),
        ("x_min", [0, 20, 100], None),
        ("y_min", [0, 30, 10], None),
        ("x_max", [10, 60, 102.5], None),
        ("y_max", [20, 50, 14], None),
        ("size", [200, 800, 10], None),  # of the box
        ("center", [[5, 10], [40, 40], [101, 12]], [[5, 10], [40, 40], [101.25, 12]]),
        ("top_left", [[0, 0], [20, 30], [100, 10]], None),
        ("top_right", [[10, 0], [60, 30], [102, 10]], [[10, 0], [60, 30], [102.5, 10]]),
        ("bottom_left", [[0, 20], [20, 50], [100, 14]], None),
        ("bottom_right", [[10, 20], [60, 50], [102, 14]], [[10, 20], [60, 50], [102.5, 14]]),
        ("image_dimensions", [[100, 200]] * 3, None),
        ("prediction_type", ["object-detection"] * 3, None),
        ("keypoints_xy", [None] * 3, None),
        ("area_px", [7.5, 8.5, 9.5], None),  # a step has added it
    ],
)
def test_properties(name: str, all_of_them: list[Any], each: list[Any] | None) -> None:
    boxes = np.array([[0, 0, 10, 20], [20, 30, 60, 50], [100, 10, 102.5, 14]], np.float32)
    detections = found(boxes=boxes).with_data("area_px", [7.5, np.float64(8.5), np.float32(9.5)])
    assert after(detections, {"type": "DetectionsPropertyExtract", "property_name": name}) == all_of_them
    extract = {"type": "ExtractDetectionProperty", "property_name": name}
    assert after(detections, {**ONE, "operations": [extract]}) == (each or all_of_them)
    second = {"type": "SequenceAggregate", "mode": "last"}  # one detection by itself
    assert after(detections, second, extract) == (each or all_of_them)[2]


@pytest.mark.parametrize(
    ("changed", "task"),
    [
        ({"masks": Bitmasks(np.ones((3, 100, 200), bool))}, "instance-segmentation"),
        ({"keypoints": KEYPOINTS}, "keypoint-detection"),
    ],
)
def test_the_type_of_a_prediction(changed: dict[str, Any], task: str) -> None:
    property_of = {"type": "DetectionsPropertyExtract", "property_name": "prediction_type"}
    assert after(found(**changed), property_of) == [task] * 3


def test_keypoints_are_those_that_are_sure() -> None:
    property_of = {"type": "DetectionsPropertyExtract", "property_name": "keypoints_xy"}
    assert after(found(keypoints=KEYPOINTS), property_of) == [[[1, 2]]] * 3


def test_a_property_that_no_step_has_added() -> None:
    with pytest.raises(StepFailed, match="have no area_px; it comes from a mask_area_measurement step"):
        after(FOUND, {"type": "DetectionsPropertyExtract", "property_name": "area_px"})
    extract = {"type": "ExtractDetectionProperty", "property_name": "area_px"}
    assert after(FOUND, {**ONE, "operations": [extract]}) == [None] * 3
    assert after(NONE, {"type": "DetectionsPropertyExtract", "property_name": "area_px"}) == []


@pytest.mark.parametrize(
    ("operation", "ids"),
    [
        ({"type": "DetectionsSelection", "mode": "left_most"}, "a"),
        ({"type": "DetectionsSelection", "mode": "right_most"}, "c"),
        ({"type": "DetectionsSelection", "mode": "top_confidence"}, "a"),
        ({"type": "DetectionsSelection", "mode": "first"}, "a"),
        ({"type": "DetectionsSelection", "mode": "last"}, "c"),
        ({"type": "SortDetections", "mode": "confidence"}, "cba"),
        ({"type": "SortDetections", "mode": "confidence", "ascending": False}, "abc"),
        ({"type": "SortDetections", "mode": "size"}, "cab"),
        ({"type": "SortDetections", "mode": "x_min", "ascending": False}, "cba"),
        ({"type": "SortDetections", "mode": "x_max"}, "abc"),
        ({"type": "SortDetections", "mode": "y_min"}, "acb"),
        ({"type": "SortDetections", "mode": "y_max"}, "cab"),
        ({"type": "SortDetections", "mode": "center_x"}, "abc"),
        ({"type": "SortDetections", "mode": "center_y"}, "acb"),
        ({"type": "PickDetectionsByParentClass", "parent_class": "horse"}, "b"),
        ({"type": "PickDetectionsByParentClass", "parent_class": "cow"}, ""),
    ],
    ids=str,
)
def test_which_detections_stay(operation: dict[str, Any], ids: str) -> None:
    assert after(FOUND, operation).ids == tuple(ids)
    assert after(NONE, operation).ids == ()


def test_parents_come_before_what_lies_in_them() -> None:
    """The middle of the first person is (5, 10), of the other (101, 12)."""
    boxes = np.array([[0, 0, 10, 20], [5, 10, 60, 50], [100, 10, 102, 14]], np.float32)
    picked = after(found(boxes=boxes), {"type": "PickDetectionsByParentClass", "parent_class": "horse"})
    assert picked.ids == ("b", "a")


@pytest.mark.parametrize(
    ("operation", "boxes"),
    [
        (
            {"type": "DetectionsOffset", "offset_x": 4, "offset_y": 10},
            [[-2, -5, 12, 25], [18, 25, 62, 55], [98, 5, 104, 19]],
        ),
        (
            {"type": "DetectionsOffset", "offset_x": -6, "offset_y": 0},
            [[3, 0, 7, 20], [23, 30, 57, 50], [101, 10, 101, 14]],
        ),
        (
            {"type": "DetectionsShift", "shift_x": 1, "shift_y": -2},
            [[1, -2, 11, 18], [21, 28, 61, 48], [101, 8, 103, 12]],
        ),
    ],
    ids=str,
)
def test_boxes_move(operation: dict[str, Any], boxes: list[list[float]]) -> None:
    moved = after(FOUND, operation)
    assert moved.instances.boxes.tolist() == boxes
    assert moved.instances.boxes.dtype == np.float32
    assert moved.ids == FOUND.ids
    assert FOUND.instances.boxes[0].tolist() == [0, 0, 10, 20]  # as before
    assert after(NONE, operation).instances.boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("members", "labels", "classes"),
    [
        ({"class_map": {"person": "who", "horse": "animal"}}, ["who", "animal", "who"], [1, 0, 1]),
        ({"class_map": {"horse": "cow"}, "strict": False}, ["person", "cow", "person"], [0, 1024, 0]),
        ({"class_map": {"horse": "person"}, "strict": False}, ["person"] * 3, [0] * 3),
        (
            {"class_map": "names", "strict": "strict", "new_classes_id_offset": 7},
            ["b", "a", "b"],
            [8, 7, 8],
        ),
    ],
    ids=str,
)
def test_classes_get_other_names(members: dict[str, Any], labels: list[str], classes: list[int]) -> None:
    names = {"person": "b", "horse": "a"}
    renamed = after(FOUND, {"type": "DetectionsRename", **members}, names=names, strict=False).instances
    assert (list(renamed.labels), renamed.classes.tolist()) == (labels, classes)


def test_detections_as_an_object_are_as_in_an_answer() -> None:
    given = after(FOUND, {"type": "DetectionsToDictionary"})
    assert given == json.loads(serialise.detections(FOUND))
    assert (given["image"], len(given["predictions"])) == ({"width": 200, "height": 100}, 3)


@pytest.mark.parametrize(
    ("operation", "value", "message"),
    [
        (
            {"type": "DetectionsPropertyExtract", "property_name": "size"},
            [],
            "DetectionsPropertyExtract takes detections, and got a list of 0",
        ),
        (
            {"type": "ExtractDetectionProperty", "property_name": "size"},
            FOUND,
            "ExtractDetectionProperty takes one detection, as in DetectionsFilter, and got detections",
        ),
        ({"type": "DetectionsSelection", "mode": "first"}, 1, "DetectionsSelection takes detections, and got 1"),
        ({"type": "SortDetections", "mode": "size"}, None, "SortDetections takes detections, and got null"),
        (
            {"type": "DetectionsOffset", "offset_x": 1, "offset_y": 1},
            "a",
            'DetectionsOffset takes detections, and got "a"',
        ),
        (
            {"type": "DetectionsShift", "shift_x": 1, "shift_y": 1},
            {},
            "DetectionsShift takes detections, and got an object",
        ),
        (
            {"type": "DetectionsRename", "class_map": {}},
            PICTURE,
            "DetectionsRename takes detections, and got a picture",
        ),
        (
            {"type": "DetectionsRename", "class_map": {"person": "who"}},
            FOUND,
            'DetectionsRename has no new name for class "horse"; add it to class_map, or set strict false',
        ),
        (
            {"type": "DetectionsRename", "class_map": "names"},
            FOUND,
            "no value is named 'names'; named are 'number'",
        ),
        (
            {"type": "DetectionsRename", "class_map": "number"},
            FOUND,
            "DetectionsRename takes an object of names as class_map, and got 5",
        ),
        (
            {"type": "DetectionsRename", "class_map": {}, "strict": "number"},
            FOUND,
            "DetectionsRename takes true or false as strict, and got 5",
        ),
        (
            {"type": "PickDetectionsByParentClass", "parent_class": "a"},
            True,
            "PickDetectionsByParentClass takes detections, and got true",
        ),
        ({"type": "DetectionsToDictionary"}, b"", "DetectionsToDictionary takes detections, and got a file"),
        (
            {"type": "ExtractImageProperty", "property_name": "size"},
            FOUND,
            "ExtractImageProperty takes a picture, and got detections",
        ),
        (
            {"type": "ExtractFrameMetadata", "property_name": "frame_number"},
            1.5,
            "ExtractFrameMetadata takes a picture, and got 1.5",
        ),
        ({"type": "ConvertImageToJPEG"}, 1, "ConvertImageToJPEG takes a picture, and got 1"),
        ({"type": "ConvertImageToBase64"}, "a", 'ConvertImageToBase64 takes a picture, and got "a"'),
        (
            {"type": "ConvertImageToJPEG"},
            Picture(np.zeros((1, 70_000, 3), np.uint8), Frame("image", (1, 70_000))),
            "ConvertImageToJPEG cannot write the picture: the picture is 70000×1, "
            "and a .jpg file holds at most 65500 pixels a side",
        ),
        (
            {"type": "ClassificationPropertyExtract", "property_name": "top_class"},
            FOUND,
            "ClassificationPropertyExtract takes the predictions of a classification, and got detections",
        ),
        (
            {"type": "ClassificationPropertyExtract", "property_name": "all_classes"},
            {"predictions": 5},
            "ClassificationPropertyExtract takes the predictions of a classification, and got an object",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_value_that_an_operation_does_not_take(operation: dict[str, Any], value: Any, message: str) -> None:
    with pytest.raises(StepFailed) as failed:
        after(value, operation, number=5)
    assert failed.value.message == message


@pytest.mark.parametrize(("name", "figure"), [("height", 100), ("width", 200), ("size", 20_000), ("aspect_ratio", 2.0)])
def test_properties_of_a_picture(name: str, figure: float) -> None:
    assert after(PICTURE, {"type": "ExtractImageProperty", "property_name": name}) == figure


def test_a_picture_is_no_frame_of_a_video() -> None:
    extract = {"type": "ExtractFrameMetadata"}
    assert after(PICTURE, {**extract, "property_name": "frame_number"}) == 0
    assert after(PICTURE, {**extract, "property_name": "seconds_since_start"}) == 0
    time = after(PICTURE, {**extract, "property_name": "frame_timestamp"}, {"type": "TimestampToISOFormat"})
    assert datetime.fromisoformat(time).tzinfo is not None


def test_a_picture_becomes_a_file() -> None:
    file = after(PICTURE, {"type": "ConvertImageToJPEG"})
    with Pillow.open(io.BytesIO(file)) as read:
        assert (read.format, read.size, read.getpixel((50, 50))) == ("JPEG", (200, 100), (90, 90, 90))
    assert base64.b64decode(after(PICTURE, {"type": "ConvertImageToBase64"})) == file
    noise = Picture(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8), Frame("image", (64, 64)))
    sizes = [len(after(noise, {"type": "ConvertImageToJPEG", "compression_level": level})) for level in (10, 90)]
    assert sizes[0] < sizes[1] / 2


class Classes:
    """A value of a block's own."""

    def document(self, own: bool) -> Any:
        return SINGLE


SINGLE = {
    "predictions": [
        {"class": "dog", "class_id": 1, "confidence": 0.75},
        {"class": "cat", "class_id": 0, "confidence": 0.25},
    ],
    "top": "dog",
    "confidence": 0.75,
}
SEVERAL = {
    "predictions": {"dog": {"confidence": 0.75, "class_id": 1}, "cat": {"confidence": 0.5, "class_id": 0}},
    "predicted_classes": ["dog", "cat"],
}


@pytest.mark.parametrize(
    ("value", "name", "result"),
    [
        (SINGLE, "top_class", "dog"),
        (SINGLE, "top_class_confidence", 0.75),
        (SINGLE, "top_class_confidence_single", 0.75),
        (SINGLE, "all_classes", ["dog", "cat"]),
        (SINGLE, "all_confidences", [0.75, 0.25]),
        (Classes(), "top_class", "dog"),
        (SEVERAL, "top_class", ["dog", "cat"]),
        (SEVERAL, "top_class_confidence", [0.75, 0.5]),
        (SEVERAL, "top_class_confidence_single", 0.75),
        ({"predictions": {}, "predicted_classes": []}, "top_class_confidence_single", 0.0),
        (SEVERAL, "all_classes", ["cat", "dog"]),
        (SEVERAL, "all_confidences", [0.5, 0.75]),
    ],
)
def test_classes_of_a_picture(value: Any, name: str, result: Any) -> None:
    assert after(value, {"type": "ClassificationPropertyExtract", "property_name": name}) == result
