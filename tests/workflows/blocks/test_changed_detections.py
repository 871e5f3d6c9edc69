"""Blocks that change detections: their boxes, their classes, how many there are, what is known of them."""

import sys
from typing import Any

import pytest

from container.workflows.errors import StepFailed
from container.workflows.values import Detections
from tests.workflows.blocks.rows import found, rectangle, run

OFFSET = "roboflow_core/detection_offset@v1"
REPLACE = "roboflow_core/detections_classes_replacement@v1"
FILTER = "roboflow_core/per_class_confidence_filter@v1"
AREA = "roboflow_core/mask_area_measurement@v1"


@pytest.mark.parametrize(
    ("fields", "box"),
    [
        ({"offset_width": 10, "offset_height": 4}, [15, 28, 45, 42]),
        ({"offset_x": 11, "offset_y": 5, "units": "Pixels"}, [15, 28, 45, 42]),  # halves are whole pixels
        ({"offset_width": 50, "offset_height": 100, "units": "Percent (%)"}, [15, 25, 45, 45]),
        ({"offset_width": 500, "offset_height": 500}, [0, 0, 80, 60]),  # the picture ends there
        ({"offset_width": 1, "offset_height": 1}, [20, 30, 40, 40]),
    ],
)
def test_boxes_are_enlarged(fields: dict[str, Any], box: list[float]) -> None:
    before = found([20, 30, 40, 40], masks=([22, 32, 38, 38],))
    after = run(OFFSET, predictions=before, **fields)["predictions"]
    assert after.instances.boxes.tolist() == [box]
    assert rectangle(after, 0) == [22, 32, 38, 38]
    assert after.ids != before.ids and before.instances.boxes.tolist() == [[20, 30, 40, 40]]


@pytest.mark.parametrize(
    ("thresholds", "kept"),
    [
        ({"cat": 0.7, "dog": 0.8}, "bd"),  # a is a cat of 0.6, and c a dog of 0.7
        ({"cat": 0.6}, "abcd"),
        ({}, "abcd"),
        ({"cat": 1, "dog": 1, "cow": 0}, "d"),
    ],
)
def test_each_class_has_its_threshold(thresholds: dict[str, float], kept: str) -> None:
    predictions = found(*[[0, 0, 9, 9]] * 4, scores=(0.6, 0.7, 0.7, 0.3), labels=("cat", "cat", "dog", "cow"))
    assert run(FILTER, predictions=predictions, class_thresholds=thresholds)["predictions"].ids == tuple(kept)
    assert len(run(FILTER, predictions=found(), class_thresholds=thresholds)["predictions"]) == 0


def test_other_classes_have_the_default_threshold() -> None:
    predictions = found(*[[0, 0, 9, 9]] * 2, scores=(0.6, 0.5), labels=("cat", "dog"))
    kept = run(FILTER, predictions=predictions, class_thresholds={"dog": 0.5}, default_threshold=0.61)["predictions"]
    assert kept.ids == ("b",)


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ([], "class_thresholds is .*; it takes an object with a confidence for each class"),
        ({"cat": 2}, "class_thresholds: the value of 'cat' is not a number from 0 to 1"),
        ({"cat": "0.5"}, "class_thresholds: the value of 'cat' is not a number from 0 to 1"),
    ],
)
def test_thresholds_that_are_none_are_named(thresholds: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(FILTER, predictions=found(), class_thresholds=thresholds)


@pytest.mark.parametrize(
    ("masks", "areas"),
    [
        (None, [200.0, 25.0]),
        (([10, 20, 20, 30], [0, 0, 4, 4]), [100.0, 16.0]),
        (([10, 20, 20, 30], [0, 0, 0, 0]), [100.0, 25.0]),  # a mask of no pixel: the box counts
    ],
)
@pytest.mark.parametrize("unit", [1, 2.5])
def test_areas(masks: Any, areas: list[float], unit: float) -> None:
    measured = run(AREA, predictions=found([10, 20, 20, 40], [0, 0, 5, 5], masks=masks), pixels_per_unit=unit)
    assert measured["predictions"].data["area_px"] == tuple(areas)
    assert measured["predictions"].data["area_converted"] == tuple(area / unit**2 for area in areas)


@pytest.mark.parametrize("unit", [0, -1, 1e-200])
def test_a_unit_has_pixels(unit: float) -> None:
    with pytest.raises(ValueError, match="pixels_per_unit is .*; it takes a number from 1e-06 to 1e\\+06"):
        run(AREA, predictions=found(), pixels_per_unit=unit)


def single(parent: str, *classes: tuple[str, int, float]) -> dict[str, Any]:
    """Return what a model of one class a picture says of a crop."""
    rows = [{"class": name, "class_id": number, "confidence": score} for name, number, score in classes]
    return {"parent_id": parent, "predictions": rows, "top": classes[0][0] if classes else ""}


def several(parent: str, chosen: list[str], **classes: tuple[int, float]) -> dict[str, Any]:
    """Return what a model of several classes a picture says of a crop."""
    rows = {name: {"class_id": number, "confidence": score} for name, (number, score) in classes.items()}
    return {"parent_id": parent, "predictions": rows, "predicted_classes": chosen}


def labels(detections: Detections) -> list[tuple[str, int, float]]:
    """Return what detections are, and how surely."""
    rows = detections.instances
    return [
        (name, number, round(score, 6))
        for name, number, score in zip(rows.labels, rows.classes.tolist(), rows.scores.tolist(), strict=True)
    ]


CLASSES = [single("b", ("pug", 3, 0.75), ("poodle", 4, 0.25)), single("a", ("siamese", 7, 0.5))]
FALLBACK = {"fallback_class_name": "unknown", "fallback_class_id": 9}
UNKNOWN = ("unknown", 9, 0.0)


@pytest.mark.parametrize(
    ("predictions", "fields", "expected"),
    [
        (CLASSES, {}, [("siamese", 7, 0.5), ("pug", 3, 0.75)]),  # by the id of the crop, in any order
        (CLASSES, FALLBACK, [("siamese", 7, 0.5), ("pug", 3, 0.75), UNKNOWN]),
        (
            CLASSES,
            {"fallback_class_name": "unknown"},
            [("siamese", 7, 0.5), ("pug", 3, 0.75), ("unknown", sys.maxsize, 0)],
        ),
        ([single("a"), None], {}, []),
        ([single("a"), None], FALLBACK, [UNKNOWN] * 3),
        ([several("c", ["old", "red"], old=(1, 0.5), red=(2, 0.625), new=(3, 0.125))], {}, [("red", 2, 0.625)]),
        ([several("c", [], new=(3, 0.25))], {}, []),
        (["AB 1", ["CD 2", "x"], []], {}, [("AB 1", 0, 1), ("CD 2", 0, 1)]),  # texts, by their order
        (["AB 1"], FALLBACK, [("AB 1", 0, 1), UNKNOWN, UNKNOWN]),
        (["AB 1", None, "EF 3", "GH 4"], {}, [("AB 1", 0, 1), ("EF 3", 0, 1)]),
        ([], {}, []),
        (None, {}, []),
    ],
)
def test_classes_are_replaced(predictions: Any, fields: dict[str, Any], expected: list[tuple[str, int, float]]) -> None:
    detections = found(
        [0, 0, 9, 9], [10, 0, 19, 9], [20, 0, 29, 9], masks=([0, 0, 9, 9], [10, 0, 19, 9], [20, 0, 29, 9])
    )
    replaced = run(
        REPLACE, object_detection_predictions=detections, classification_predictions=predictions, **fields
    )["predictions"]  # fmt: skip
    assert labels(replaced) == expected
    assert len(set(replaced.ids)) == len(expected) and not set(replaced.ids) & set(detections.ids)
    for i in range(len(replaced)):
        assert rectangle(replaced, i) == replaced.instances.boxes[i].tolist()


def test_without_detections_there_is_nothing_to_replace() -> None:
    row = {"object_detection_predictions": None, "classification_predictions": CLASSES}
    assert run(REPLACE, **row) == {"predictions": None}


WRONG = [3, {"x": 1}, {"parent_id": "a"}, single("a", ("x", 2**64, 1)), {**single("a"), "predictions": [{}]}]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_classification_is_refused(wrong: object) -> None:
    with pytest.raises(StepFailed, match="classification_predictions holds"):
        run(REPLACE, object_detection_predictions=found([0, 0, 9, 9]), classification_predictions=[wrong])


def test_a_level_is_collapsed() -> None:
    assert run("DimensionCollapse", data=["a", None, [1]]) == {"output": ["a", [1]]}


CATS = {
    "type": "DetectionsFilter",
    "filter_operation": {
        "type": "StatementGroup",
        "statements": [
            {
                "type": "BinaryStatement",
                "left_operand": {
                    "type": "DynamicOperand",
                    "operations": [{"type": "ExtractDetectionProperty", "property_name": "class_name"}],
                },
                "comparator": {"type": "in (Sequence)"},
                "right_operand": {"type": "DynamicOperand", "operand_name": "classes"},
            }
        ],
    },
}


@pytest.mark.parametrize("name", ["roboflow_core/detections_transformation@v1", "DetectionsTransformation"])
@pytest.mark.parametrize(
    ("operations", "ids", "first"),
    [
        ([], "abc", [0, 0, 9, 9]),
        ([CATS], "ac", [0, 0, 9, 9]),
        ([CATS, {"type": "DetectionsSelection", "mode": "right_most"}], "c", [40, 0, 49, 9]),
        ([{"type": "DetectionsShift", "shift_x": 5, "shift_y": 3}, CATS], "ac", [5, 3, 14, 12]),
        ([{"type": "DetectionsOffset", "offset_x": 6, "offset_y": 4}], "abc", [-3, -2, 12, 11]),
        ([{"type": "SortDetections", "mode": "confidence", "ascending": True}], "cba", [40, 0, 49, 9]),
    ],
)
def test_operations_follow_each_other(name: str, operations: list[Any], ids: str, first: list[float]) -> None:
    boxes = [0, 0, 9, 9], [20, 0, 29, 9], [40, 0, 49, 9]
    before = found(*boxes, labels=("cat", "dog", "cat"), masks=boxes)
    fields = {"operations": operations, "operations_parameters": {"classes": ["cat", "cow"]}}
    after = run(name, predictions=before, **fields)["predictions"]
    assert (after.ids, after.instances.boxes[0].tolist()) == (tuple(ids), first)
    for i, one in enumerate(ids):
        assert rectangle(after, i) == boxes["abc".index(one)]


def test_operations_must_leave_detections() -> None:
    with pytest.raises(StepFailed, match="the operations make something else of the detections"):
        run("DetectionsTransformation", predictions=found(), operations=[{"type": "SequenceLength"}])
