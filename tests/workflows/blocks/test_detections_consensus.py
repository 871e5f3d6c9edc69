"""What several models agree on, in hand-computed cases."""

from typing import Any

import pytest

from container.workflows.errors import StepFailed
from container.workflows.values import Detections, Frame
from tests.workflows.blocks.rows import found, rectangle, run

CONSENSUS = "roboflow_core/detections_consensus@v1"
BOX, NEAR, FAR = [10, 10, 20, 20], [12, 10, 22, 20], [50, 30, 60, 40]  # the IoU of the first two is 2/3


def agreed(*sources: Detections, **fields: Any) -> Any:
    """Return the outputs for the detections of some models."""
    return run(CONSENSUS, predictions=list(sources), **{"required_votes": 2, **fields})


def test_what_two_models_find_is_one_and_the_rest_is_left_out() -> None:
    one, other = found(BOX, FAR, scores=(0.9, 0.8)), found(NEAR, scores=(0.5,))
    result = agreed(one, other)
    predictions = result["predictions"]
    assert predictions.instances.boxes.tolist() == [[11, 10, 21, 20]]
    assert predictions.instances.scores.tolist() == pytest.approx([0.7])
    assert (predictions.instances.labels, predictions.frame) == (("class 0",), one.frame)
    assert predictions.ids != ("a",)
    assert result["object_present"] is True
    assert result["presence_confidence"] == pytest.approx({"class 0": 0.7})


@pytest.mark.parametrize(
    ("fields", "boxes"),
    [
        ({"required_votes": 1}, [[11, 10, 21, 20], FAR]),
        ({"required_votes": 3}, []),
        ({"iou_threshold": 0.66}, [[11, 10, 21, 20]]),
        ({"iou_threshold": 0.67}, []),
        ({"confidence": 0.7}, [[11, 10, 21, 20]]),
        ({"confidence": 0.71}, []),
        ({"classes_to_consider": ["class 0"]}, [[11, 10, 21, 20]]),
        ({"classes_to_consider": ["dog"]}, []),
        ({"detections_merge_confidence_aggregation": "min", "confidence": 0.51}, []),
        ({"detections_merge_coordinates_aggregation": "max"}, [BOX]),  # of equal ones the first
    ],
)
def test_fields(fields: dict[str, Any], boxes: list[list[float]]) -> None:
    result = agreed(found(BOX, FAR, scores=(0.9, 0.8)), found(NEAR, scores=(0.5,)), **fields)
    assert result["predictions"].instances.boxes.tolist() == boxes
    assert result["object_present"] is bool(boxes)


@pytest.mark.parametrize(
    ("mode", "box", "score", "label"),
    [
        ("average", [12, 10, 22, 20], 0.6, "dog"),
        ("max", [10, 10, 24, 20], 0.9, "cat"),
        ("min", [14, 10, 20, 20], 0.3, "dog"),
    ],
)
def test_how_boxes_scores_and_classes_become_one(mode: str, box: list[float], score: float, label: str) -> None:
    sources = (
        found([12, 10, 22, 20], scores=(0.9,), labels=("cat",)),
        found([10, 10, 24, 20], scores=(0.6,), labels=("dog",)),
        found([14, 10, 20, 20], scores=(0.3,), labels=("dog",)),
    )
    fields = {f"detections_merge_{of}_aggregation": mode for of in ("confidence", "coordinates")}
    instances = agreed(*sources, class_aware=False, **fields)["predictions"].instances
    assert (instances.boxes.tolist(), instances.labels) == ([box], (label,))
    assert instances.scores.tolist() == pytest.approx([score])


def test_other_classes_do_not_vote_unless_told_so() -> None:
    sources = found(BOX, scores=(0.9,), labels=("cat",)), found(BOX, scores=(0.7,), labels=("dog",))
    assert agreed(*sources)["presence_confidence"] == {}
    assert agreed(*sources, class_aware=False)["presence_confidence"] == pytest.approx({"any_object": 0.8})


def test_a_model_has_one_vote_for_an_object_that_of_its_best_box() -> None:
    twice = found(NEAR, BOX, scores=(0.5, 0.4))
    assert len(agreed(twice)["predictions"]) == 0
    result = agreed(found(BOX, scores=(0.9,)), twice)["predictions"]
    assert result.instances.boxes.tolist() == [BOX]


@pytest.mark.parametrize(
    ("mode", "box", "pixels"),
    [("union", [10, 10, 22, 20], 120), ("intersection", [12, 10, 20, 20], 80), ("max", BOX, 100), ("min", NEAR, 90)],
)
def test_masks_become_one(mode: str, box: list[int], pixels: int) -> None:
    near = [12, 11, 22, 20] if mode == "min" else NEAR
    result = agreed(found(BOX, masks=(BOX,)), found(NEAR, masks=(near,)), detections_merge_mask_aggregation=mode)
    (whole,) = [result["predictions"]]
    expected = near if mode == "min" else box
    assert rectangle(whole, 0) == expected == whole.instances.boxes[0].tolist()
    assert whole.instances.masks.bitmap(0).sum() == pixels


def test_where_a_model_gives_no_masks_there_are_none() -> None:
    result = agreed(found(BOX, masks=(BOX,)), found(BOX))["predictions"]
    assert result.instances.masks is None and result.instances.boxes.tolist() == [BOX]


@pytest.mark.parametrize(
    ("required", "class_aware", "present"),
    [
        (2, True, True),
        (3, True, False),
        ({"cat": 1, "dog": 1}, True, True),
        ({"cat": 2}, True, False),
        ({"cow": 1}, True, False),
        ({"cat": 2}, False, True),
        ({"cat": 2, "dog": 1}, False, False),
    ],
)
def test_how_many_must_be_there(required: Any, class_aware: bool, present: bool) -> None:
    source = found(BOX, FAR, scores=(0.5, 0.25), labels=("cat", "dog"))
    result = agreed(source, source, required_objects=required, class_aware=class_aware)
    assert result["object_present"] is present
    expected = {"cat": 0.5, "dog": 0.25} if class_aware else {"any_object": 0.5}
    assert result["presence_confidence"] == (expected if present else {})


@pytest.mark.parametrize(("mode", "confidence"), [("average", 0.375), ("max", 0.5), ("min", 0.25)])
def test_the_confidence_of_what_is_there(mode: str, confidence: float) -> None:
    source = found(BOX, FAR, scores=(0.5, 0.25))
    result = agreed(source, source, presence_confidence_aggregation=mode)
    assert result["presence_confidence"] == {"class 0": confidence}


def test_nothing_found_is_nothing_agreed_on() -> None:
    result = agreed(found(), found())
    assert (len(result["predictions"]), result["object_present"], result["presence_confidence"]) == (0, False, {})


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([], "predictions_batches is empty"),
        ([found(BOX), found(BOX, frame=Frame("other", (60, 80)))], "picture 'other' .* cannot be placed"),
        (["x"], "predictions_batches is a text; it takes detections"),
    ],
)
def test_what_cannot_agree(sources: list[Any], message: str) -> None:
    with pytest.raises(StepFailed, match=message):
        agreed(*sources)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "required_objects is 0"),
        ({"cat": 0.5}, "the value of 'cat' is not a whole number"),
        ([], "required_objects is"),
    ],
)
def test_numbers_of_objects_that_are_none(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        agreed(found(BOX), required_objects=value)
