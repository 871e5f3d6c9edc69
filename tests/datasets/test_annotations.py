"""One annotation: its box, its mask, and what is wrong with it."""

from typing import Any

import numpy as np
import pytest

from container.datasets import annotations
from container.datasets.account import Broken
from container.datasets.annotations import BrokenMask
from container.datasets.base import Annotation

SIZE = (10, 8)  # width, height
SQUARE = [1, 2, 5, 2, 5, 6, 1, 6]
RUNS = {"size": [8, 10], "counts": [10, 4, 4, 4, 58]}  # two columns from (1, 2)


def read(**values: Any) -> tuple[Annotation | None, list[str]]:
    """The annotation, and what was mended."""
    mended: list[str] = []
    return annotations.read(values, "cat", SIZE, mended.append), mended


def found(**values: Any) -> Annotation:
    one, _ = read(**values)
    assert one is not None
    return one


@pytest.mark.parametrize(
    ("values", "box", "masked", "mended"),
    [
        ({"bbox": [1, 2, 4, 4], "segmentation": [SQUARE]}, (1, 2, 5, 6), True, ""),
        ({"bbox": ["1", "2", 4, 4.0]}, (1, 2, 5, 6), False, ""),
        ({"bbox": [1, 2, 4, 4], "segmentation": []}, (1, 2, 5, 6), False, ""),
        ({"bbox": [1, 2, 4, 4], "segmentation": [[]]}, (1, 2, 5, 6), False, ""),
        ({"bbox": [1, 2, 4, 4], "segmentation": None}, (1, 2, 5, 6), False, ""),
        ({"segmentation": [SQUARE]}, (1, 2, 5, 6), True, "taken from their masks"),
        ({"segmentation": RUNS}, (1, 2, 3, 6), True, "taken from their masks"),
        ({"bbox": None, "segmentation": [SQUARE]}, (1, 2, 5, 6), True, "taken from their masks"),
        ({"bbox": [1, 2, 3], "segmentation": [SQUARE]}, (1, 2, 5, 6), True, "taken from their masks"),
        ({"bbox": ["a", 2, 3, 4], "segmentation": [SQUARE]}, (1, 2, 5, 6), True, "taken from their masks"),
        ({"bbox": [1, 2, float("nan"), 4], "segmentation": [SQUARE]}, (1, 2, 5, 6), True, "taken from their masks"),
        ({"bbox": [0, 0, 0, 0], "segmentation": [SQUARE]}, (1, 2, 5, 6), True, "taken from their masks"),
        ({"bbox": [5, 6, -4, -4], "segmentation": [SQUARE]}, (1, 2, 5, 6), True, "taken from their masks"),
        ({"segmentation": [[-3, -3, 30, -3, 5, 6]]}, None, True, ""),  # the far corner is not near
        ({"segmentation": [[-3, -3, 15, -3, 5, 6]]}, (0, 0, 10, 6), True, "taken from their masks"),
        ({"bbox": [1, 2, 4, 4], "segmentation": SQUARE}, (1, 2, 5, 6), True, ""),
        ({"bbox": [1, 2, 4, 4], "segmentation": [[[1, 2], [5, 2], [5, 6]]]}, (1, 2, 5, 6), True, ""),
        ({"bbox": [1, 2, 4, 4], "segmentation": [[1, 2], [5, 2], [5, 6]]}, (1, 2, 5, 6), True, ""),
        ({"bbox": [1, 2, 4, 4], "segmentation": [[1, 2, 3, 4], SQUARE]}, (1, 2, 5, 6), True, "some polygons"),
        ({"bbox": [1, 2, 4, 4], "segmentation": [SQUARE[:-1], SQUARE]}, (1, 2, 5, 6), True, "some polygons"),
    ],
)
def test_boxes_and_masks(values: dict[str, Any], box: tuple[int, ...] | None, masked: bool, mended: str) -> None:
    if box is None:
        with pytest.raises(Broken):
            read(**values)
        return
    one, told = read(**values)
    assert one is not None and one.box == box and (one.segmentation is not None) == masked
    assert [mended in text for text in told] == [True] * bool(mended)


@pytest.mark.parametrize(
    ("iscrowd", "crowd"),
    [(0, False), (1, True), ("0", False), ("1", True), (True, True), (None, False), ("false", False), (1.0, True)],
)
def test_crowds_are_read_as_what_they_mean(iscrowd: object, crowd: bool) -> None:
    assert found(bbox=[1, 2, 4, 4], iscrowd=iscrowd).crowd == crowd


@pytest.mark.parametrize(("area", "read"), [(9, 9), ("9", 9), (None, 16), (0, 16), (float("nan"), 16), ("big", 16)])
def test_a_missing_area_is_that_of_the_box(area: object, read: float) -> None:
    assert found(bbox=[1, 2, 4, 4], area=area).area == read


@pytest.mark.parametrize(
    ("score", "read_as", "mended"),
    [
        *((None, 1, ""), (1, 1, ""), (0.25, 0.25, "below 1"), ("0.5", 0.5, "below 1")),
        *((value, 1, "counts as 1") for value in (0, -1, 87, float("nan"), "sure", [0.5])),
    ],
)
def test_a_score_says_how_sure_a_label_is(score: object, read_as: float, mended: str) -> None:
    one, told = read(bbox=[1, 2, 4, 4], score=score)
    assert one is not None and one.score == read_as
    assert [mended in text for text in told] == [True] * bool(mended)


@pytest.mark.parametrize("bbox", [[1, 2, 0.5, 4], [1, 2, 4, 0], [9.5, 0, 30, 4], [0, 0, 0, 0]])
def test_what_covers_nothing_is_none(bbox: list[float]) -> None:
    assert read(bbox=bbox) == (None, [])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "has no mask, and for its `bbox` None"),
        ({"bbox": [1, 2, 3]}, "has no mask, and for its `bbox`"),
        ({"bbox": "1 2 3 4"}, "has no mask, and for its `bbox`"),
        ({"bbox": [1, 2, float("inf"), 3]}, "has no mask, and for its `bbox`"),
        ({"bbox": [1, 2, -1, 3]}, "has no mask, and for its `bbox`"),
        ({"bbox": [10**400, 2, 1, 3]}, "has no mask, and for its `bbox`"),
        ({"bbox": [10, 0, 5, 5]}, "outside of its photo of 10×8"),
        ({"bbox": [1, 2, 4, 4], "iscrowd": "many"}, "has 'many' for `iscrowd`"),
        ({"bbox": [1, 2, 4, 4], "iscrowd": [1]}, "for `iscrowd`"),
        ({"segmentation": [[1, 2, 3, 4]]}, "has no polygon of 3 .*, and has no mask, and for its `bbox`"),
    ],
)
def test_what_cannot_be_used_is_said(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(Broken, match=reason) as caught:
        read(**values)
    assert not isinstance(caught.value, BrokenMask)


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ([[1, 2, 3, 4]], "has no polygon"),
        ([[1, 2, 3, 4, 5]], "has no polygon"),
        ([SQUARE[:-1]], "has no polygon"),
        ([[1, 2, 3, 4, 5, float("nan")]], "has no polygon"),
        ([[1, 2, 3, 4, 5, 1e9]], "has no polygon"),
        ([["a", 2, 3, 4, 5, 6]], "has no polygon"),
        ([[{"x": 1, "y": 2}]], "has no polygon"),
        ([[20, 0, 30, 0, 20, 8]], "has no polygon"),  # beside the photo
        ([[1, 1, 5, 1, 3, 1]], "has no polygon"),  # a line
        ([7], "has no polygon"),
        (7, "which is neither polygons nor run lengths"),
        ("[[1, 2, 5, 2, 5, 6]]", "which is neither polygons nor run lengths"),
        ({}, "has a mask that cannot be read: run lengths are of size None"),
        ({"size": [10, 8], "counts": [80]}, "are of size"),
        ({"size": [8, 10]}, "no list and no text"),
        ({"size": [8, 10], "counts": [5, 5]}, "cover 10 pixels"),
        ({"size": [8, 10], "counts": [[1], 79]}, "cannot be read"),
        ({"size": [8, 10], "counts": "b'...'"}, "no text that COCO's tools write"),
        ({"size": [8, 10], "counts": [80]}, "has a mask without a pixel"),
    ],
)
def test_a_mask_that_cannot_be_drawn_leaves_its_box(segmentation: object, reason: str) -> None:
    with pytest.raises(BrokenMask, match=reason) as caught:
        read(bbox=[1, 2, 4, 4], segmentation=segmentation)
    assert caught.value.box == Annotation((1, 2, 5, 6), "cat", None, False, 16)
    assert "\n" not in str(caught.value)


def test_what_is_kept_of_polygons_can_be_drawn() -> None:
    one = found(bbox=[1, 2, 4, 4], segmentation=[SQUARE, [[1, 2], [5, 2], [5, 6]]])
    assert one.segmentation == [SQUARE, [1, 2, 5, 2, 5, 6]]
    assert all(isinstance(corner, float) for polygon in np.array(one.segmentation, object) for corner in polygon)
