"""Blocks that measure, join and simplify detections."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from container.structures import Bitmasks
from container.workflows.errors import StepFailed
from container.workflows.values import Detections
from tests.workflows.blocks.rows import found, rectangle, run

RECT = "roboflow_core/bounding_rect@v1"
ZONE = "roboflow_core/dynamic_zone@v1"
SIZE = "roboflow_core/size_measurement@v1"
MERGE = "roboflow_core/detections_merge@v1"
COMBINE = "roboflow_core/detections_combine@v1"
BOX, OTHER = [10, 20, 31, 31], [40, 5, 61, 46]


def diamond() -> Detections:
    """Return a mask with the corners (40, 10), (60, 30), (40, 50) and (20, 30), and one of no pixel."""
    y, x = np.mgrid[:60, :80]
    bitmap = abs(x - 40) + abs(y - 30) <= 20
    detections = found([20, 10, 61, 51], [0, 0, 5, 5])
    masks = Bitmasks(np.stack([bitmap, np.zeros_like(bitmap)]))
    return replace(detections, instances=replace(detections.instances, masks=masks))


def test_a_turned_square_is_its_own_rectangle() -> None:
    whole = run(RECT, predictions=diamond())["detections_with_rect"]
    assert whole.ids == ("a",)  # b has no pixel
    assert sorted(whole.data["rect"][0]) == [[20, 30], [40, 10], [40, 50], [60, 30]]
    assert (whole.data["width"][0], whole.data["height"][0]) == pytest.approx((800**0.5, 800**0.5), rel=1e-5)
    assert whole.data["angle"][0] == pytest.approx(45)
    assert whole.instances.boxes.tolist() == [[20, 10, 61, 51]]
    assert abs(whole.instances.masks.bitmap(0).sum() - diamond().instances.masks.bitmap(0).sum()) < 50


def test_an_upright_rectangle_stays_as_it_is() -> None:
    whole = run(RECT, predictions=found(BOX, masks=(BOX,)))["detections_with_rect"]
    assert rectangle(whole, 0) == BOX == whole.instances.boxes[0].tolist()
    assert {whole.data["width"][0], whole.data["height"][0]} == {10, 20}  # from the first pixel's centre to the last's


@pytest.mark.parametrize("predictions", [found(), found(masks=())])
def test_rectangles_of_nothing(predictions: Detections) -> None:
    if predictions.instances.masks is None:
        with pytest.raises(StepFailed, match="predictions have no masks"):
            run(RECT, predictions=predictions)
    else:
        assert len(run(RECT, predictions=predictions)["detections_with_rect"]) == 0


@pytest.mark.parametrize(
    ("fields", "corners"),
    [
        ({}, [[20, 30], [40, 10], [40, 50], [60, 30]]),
        ({"scale_ratio": 0.5}, [[30, 30], [40, 20], [40, 40], [50, 30]]),
        ({"apply_least_squares": True}, [[20, 30], [40, 10], [40, 50], [60, 30]]),
        ({"apply_least_squares": True, "midpoint_fraction": 0.2}, [[20, 30], [40, 10], [40, 50], [60, 30]]),
    ],
)
def test_a_zone_has_the_corners_of_its_mask(fields: dict[str, Any], corners: list[list[int]]) -> None:
    result = run(ZONE, predictions=diamond(), required_number_of_vertices=4, **fields)
    ((zone,),) = [result["zones"]]
    assert sorted(zone) == corners and result["simplification_converged"] is True
    assert result["predictions"].data["polygon"] == (zone,)
    bitmap = result["predictions"].instances.masks.bitmap(0)
    rows, columns = np.nonzero(bitmap)
    assert [columns.min(), rows.min(), columns.max(), rows.max()] == [
        min(x for x, _ in corners), min(y for _, y in corners), max(x for x, _ in corners), max(y for _, y in corners)
    ]  # fmt: skip


def test_a_zone_of_more_corners_than_there_are_repeats_the_last() -> None:
    result = run(ZONE, predictions=found(BOX, masks=(BOX,)), required_number_of_vertices=6)
    (zone,) = result["zones"]
    assert len(zone) == 6 and zone[3] == zone[4] == zone[5] and len({tuple(point) for point in zone}) == 4
    assert result["simplification_converged"] is False
    assert rectangle(result["predictions"], 0) == BOX


def test_zones_need_masks() -> None:
    result = run(ZONE, predictions=found(BOX), required_number_of_vertices=4)
    assert result == {"zones": [], "predictions": None, "simplification_converged": False}


@pytest.mark.parametrize("masks", [None, (BOX, OTHER)])
@pytest.mark.parametrize("dimensions", [[2, 1], "2, 1"])
def test_sizes_next_to_a_known_one(masks: Any, dimensions: Any) -> None:
    """BOX is 2 × 1: 20 × 10 pixels between the centres of its mask's, and 21 × 11 of its box."""
    objects = found(BOX, OTHER, masks=masks)
    reference = found(OTHER, BOX, scores=(0.5, 0.9), masks=None if masks is None else (OTHER, BOX))
    fields = {"object_predictions": objects, "reference_predictions": reference, "reference_dimensions": dimensions}
    first, second = run(SIZE, **fields)["dimensions"]
    wide, high = (2.0, 4.0) if masks else (2.0, 41 / 11)
    assert first == pytest.approx({"width": 2, "height": 1, "longer": 2, "shorter": 1})
    assert second == pytest.approx({"width": wide, "height": high, "longer": high, "shorter": wide})


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ([[0, 0], [20, 0], [20, 10], [0, 10]], [{"width": 2.1, "height": 1.1, "longer": 2.1, "shorter": 1.1}, None]),
        ([[0, 0], [20, 0]], None),
        ([], None),
        (found(), None),
        (found([5, 5, 5, 9]), None),
    ],
)
def test_references_that_are_polygons_or_nothing(reference: Any, expected: Any) -> None:
    objects = found(BOX, [3, 3, 3, 9])
    fields = {"object_predictions": objects, "reference_predictions": reference, "reference_dimensions": (2, 1)}
    measured = run(SIZE, **fields)["dimensions"]
    assert measured is None if expected is None else [one and pytest.approx(one) for one in expected] == measured


@pytest.mark.parametrize("dimensions", ["1", "1,2,3", "a,b", [0, 1], [1], 5, "nan,1"])
def test_dimensions_that_are_none(dimensions: Any) -> None:
    with pytest.raises(ValueError, match="reference_dimensions"):
        run(SIZE, object_predictions=found(), reference_predictions=[], reference_dimensions=dimensions)


def test_all_become_one_box() -> None:
    whole = run(MERGE, predictions=found(BOX, OTHER, scores=(0.75, 0.5), masks=(BOX, OTHER)), class_name="both")
    (one,) = [whole["predictions"]]
    assert one.instances.boxes.tolist() == [[10, 5, 61, 46]]
    assert (one.instances.scores.tolist(), one.instances.classes.tolist(), one.instances.labels) == (
        [0.5],
        [0],
        ("both",),
    )
    assert one.instances.masks is None and one.ids not in (("a",), ("b",))
    assert len(run(MERGE, predictions=found())["predictions"]) == 0


def test_two_lists_become_one_in_which_ids_are_unique() -> None:
    one, other = found(BOX, masks=(BOX,), labels=("cat",)), found(OTHER, BOX, masks=(OTHER, BOX), labels=("dog", "cow"))
    whole = run(COMBINE, prediction_one=one, prediction_two=other)["predictions"]
    assert whole.instances.labels == ("cat", "dog", "cow")
    assert [rectangle(whole, i) for i in range(3)] == [BOX, OTHER, BOX]
    assert (whole.ids[0], whole.ids[2]) == ("a", "b") and len(set(whole.ids)) == 3
    assert run(COMBINE, prediction_one=found(), prediction_two=other)["predictions"].ids == ("a", "b")


@pytest.mark.parametrize(
    ("name", "fields"), [(RECT, {}), (ZONE, {"required_number_of_vertices": 4, "scale_ratio": 100}), (ZONE, {})]
)
def test_room_for_new_masks_is_asked(name: str, fields: dict[str, Any]) -> None:
    asked: list[int] = []
    fields = fields if name == RECT else {"required_number_of_vertices": 4, **fields}
    run(name, asked.append, predictions=found(BOX, masks=(BOX,)), **fields)
    assert asked[:-1] == ([] if name == RECT else [4 * 40])
    assert asked[-1:] == [(60 * 80 if "scale_ratio" in fields else 21 * 11) // 24 + 1]
