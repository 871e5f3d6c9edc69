"""IoU of boxes: pycocotools is asked, to the last bit; and which of very many overlap."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco

from container.evaluation.geometry import Overlap, TooManyPairs, box_overlaps

NO_PAIRS: list[tuple[int, int, float]] = []


def rows(overlap: Overlap) -> list[tuple[int, int, float]]:
    return list(zip(*(column.tolist() for column in overlap), strict=True))


def boxes(*several: tuple[float, ...]) -> np.ndarray:
    return np.array(several, float).reshape(-1, 4)


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        ((0, 0, 2, 2), (0, 0, 2, 2), 1),
        ((0, 0, 2, 2), (1, 0, 2, 2), 1 / 3),
        ((0, 0, 2, 2), (1, 1, 2, 2), 1 / 7),
        ((0, 0, 4, 4), (1, 1, 2, 2), 1 / 4),
        ((-3, -3, 2, 2), (-2, -2, 2, 2), 1 / 7),
        ((0, 0, 2, 2), (2, 0, 2, 2), 0),  # they touch
        ((0, 0, 2, 2), (2, 2, 2, 2), 0),
        ((0, 0, 0, 2), (0, 0, 2, 2), 0),  # no area
        ((1, 1, 0, 0), (1, 1, 0, 0), 0),
        ((0, 0, 1e300, 1e300), (0, 0, 1e300, 1e300), 0),  # an area that no number holds
        ((0, 0, 1e300, 1e300), (0, 0, 1, 1), 0),
        ((1e308, 0, 1e308, 1), (1e308, 0, 1e308, 1), 0),
        ((0, 0, 1e-200, 1e-200), (0, 0, 1e-200, 1e-200), 0),
        ((1e300, 0, 1, 1), (1e300, 0, 1, 1), 0),  # x + width is x
    ],
)
def test_two_boxes(found: tuple[float, ...], truth: tuple[float, ...], expected: float) -> None:
    assert rows(box_overlaps(boxes(found), boxes(truth))) == ([(0, 0, expected)] if expected else NO_PAIRS)


def test_a_crowd_is_not_part_of_the_union() -> None:
    crowd = np.array([True, False])
    assert rows(box_overlaps(boxes((0, 0, 2, 2)), boxes((1, 0, 9, 9), (1, 0, 1, 2)), crowd)) == [
        (0, 0, 0.5),
        (0, 1, 0.5),
    ]


@pytest.mark.parametrize(("found", "truth"), [(0, 0), (3, 0), (0, 3)])
def test_nothing_overlaps_nothing(found: int, truth: int) -> None:
    assert rows(box_overlaps(np.ones((found, 4)), np.ones((truth, 4)))) == NO_PAIRS


@pytest.mark.parametrize("size", [1, 40, 1100])  # the last one is more than is compared each with each
def test_equal_to_pycocotools(size: int) -> None:
    random = np.random.default_rng(size)
    found, truth = (random.random((size, 4)) * [500, 500, 60, 60] for _ in range(2))
    crowd = random.random(size) < 0.2
    same(box_overlaps(found, truth, crowd), coco.iou(found, truth, crowd))


def same(overlap: Overlap, expected: np.ndarray) -> None:
    table = np.zeros(expected.shape)
    table[overlap.found, overlap.truth] = overlap.iou
    assert (table == np.where(expected > 0, expected, 0)).all()
    assert (np.diff(overlap.found * expected.shape[1] + overlap.truth) > 0).all()


NUMBERS = st.floats(-1e308, 1e308) | st.integers(-3, 3).map(float)
SIZES = NUMBERS.map(abs)


@settings(max_examples=100)
@given(*[st.lists(st.tuples(NUMBERS, NUMBERS, SIZES, SIZES), max_size=4)] * 2)
def test_any_number_is_taken(found: list[tuple[float, ...]], truth: list[tuple[float, ...]]) -> None:
    overlap = box_overlaps(boxes(*found), boxes(*truth))
    if found and truth:
        same(overlap, coco.iou(boxes(*found), boxes(*truth), [0] * len(truth)))


def test_any_number_is_taken_by_the_tree() -> None:
    random = np.random.default_rng(0)
    numbers = np.array([0, 1, 2, 3, -1, 5e-324, 1e-200, 1e16, 1e154, 1e200, -1e300, 1.7e308])
    found, truth = (random.choice(numbers, (1030, 4)) for _ in range(2))
    found[:, 2:], truth[:, 2:] = abs(found[:, 2:]), abs(truth[:, 2:])
    with np.errstate(all="ignore"):
        expected = coco.iou(found, truth, [0] * len(truth))
    assert np.isnan(expected).any() and (expected > 0).sum() > 1000
    same(box_overlaps(found, truth), expected)


def test_translation_changes_nothing() -> None:
    random = np.random.default_rng(0)
    found, truth = (random.integers(1, 40, (30, 4)).astype(float) for _ in range(2))
    moved = box_overlaps(found + [700, -300, 0, 0], truth + [700, -300, 0, 0])
    assert rows(moved) == rows(box_overlaps(found, truth)) != NO_PAIRS


def test_too_many_pairs() -> None:
    same_place = np.tile([0.0, 0, 1, 1], (2300, 1))
    with pytest.raises(TooManyPairs, match="over 5,000,000 pairs"):
        box_overlaps(same_place, same_place)


def test_touching_boxes_are_no_pairs_however_many() -> None:
    left, right = np.tile([0.0, 0, 1, 1], (3000, 1)), np.tile([1.0, 0, 1, 1], (3000, 1))
    assert rows(box_overlaps(left, right)) == NO_PAIRS


@pytest.mark.alone
def test_boxes_that_are_far_apart_are_not_compared() -> None:
    corners = np.stack(np.meshgrid(np.arange(400.0), np.arange(250.0)), axis=-1).reshape(-1, 2) * 20
    found = np.concatenate((corners, np.full((100_000, 2), 10)), axis=1)
    start = time.perf_counter()
    overlap = box_overlaps(found, found[::-1] + [2, 1, 0, 0])
    assert time.perf_counter() - start < 3
    assert (overlap.truth == overlap.found[::-1]).all() and len(overlap.iou) == 100_000
