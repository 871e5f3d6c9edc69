"""Suppression and merging, against torchvision and against full bitmaps."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import batched_nms

from container.structures import Bitmasks, CutMasks, Instances, JoinedMasks, Masks, PlacedMasks
from container.structures.overlap import apart, groups

SIZE = 12, 16  # height, width
# None is the IoU of two boxes here but for the ends: torchvision's, of float32, may be on the other side of a share.
THRESHOLDS = 0.0, 0.2003, 0.5003, 0.9003, 1.0


def instances(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, masks: Masks | None = None) -> Instances:
    return Instances(
        SIZE, boxes.astype(np.float32), scores.astype(np.float32), classes.astype(np.int64), ("x",) * len(boxes), masks
    )


def some(seed: int, count: int) -> Instances:
    """Rectangles that overlap often, with bitmaps of their own that have holes."""
    random = np.random.default_rng(seed)
    corners = random.integers(0, [16, 12], (count, 2))
    boxes = np.concatenate([corners, corners + random.integers(1, 8, (count, 2))], axis=1)
    bitmaps = np.zeros((count, *SIZE), bool)
    for bitmap, (left, top, right, bottom) in zip(bitmaps, boxes, strict=True):
        bitmap[top:bottom, left:right] = True
    bitmaps &= random.random(bitmaps.shape) < 0.8
    return instances(boxes, random.permutation(count) / count, random.integers(0, 3, count), Bitmasks(bitmaps))


def without_masks(found: Instances) -> Instances:
    return instances(found.boxes, found.scores, found.classes)


@given(st.integers(0, 10**6), st.integers(0, 30), st.sampled_from(THRESHOLDS))
@settings(max_examples=60, deadline=None)
def test_suppression_of_boxes_is_that_of_torchvision(seed: int, count: int, threshold: float) -> None:
    found = without_masks(some(seed, count))
    expected = batched_nms(*map(torch.from_numpy, (found.boxes, found.scores, found.classes)), threshold)
    assert apart(found, threshold).tolist() == expected.tolist()


@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from([0.1, 0.3, 0.6]))
@settings(max_examples=60, deadline=None)
def test_masks_are_compared_as_full_bitmaps_would_be(seed: int, count: int, threshold: float) -> None:
    found = some(seed, count)
    bitmaps = [found.masks.bitmap(i) for i in range(count)]  # type: ignore[union-attr]
    best_first = np.argsort(-found.scores, kind="stable").tolist()

    def iou(one: np.ndarray, other: np.ndarray) -> float:
        return float((one & other).sum() / max((one | other).sum(), 1))

    kept: list[int] = []
    for i in best_first:
        if all(found.classes[i] != found.classes[k] or iou(bitmaps[i], bitmaps[k]) <= threshold for k in kept):
            kept.append(i)
    assert apart(found, threshold).tolist() == kept

    expected, left = [], best_first
    while left:
        group, region = [left[0]], bitmaps[left[0]]
        while True:
            more = [
                i
                for i in left
                if i not in group
                and found.classes[i] == found.classes[group[0]]
                and iou(region, bitmaps[i]) >= threshold
            ]
            if not more:
                break
            region = np.any([region, *(bitmaps[i] for i in more)], axis=0)
            group += more
        expected.append(group)
        left = [i for i in left if i not in group]
    assert [sorted(group) for group in groups(found, threshold)] == [sorted(group) for group in expected]


@pytest.mark.parametrize(
    ("boxes", "threshold", "expected"),
    [
        # Chained: the second overlaps the first, and the third only the second.
        ([[0, 0, 6, 6], [3, 0, 9, 6], [6, 0, 12, 6]], 0.3, [[0, 1], [2]]),
        ([[0, 0, 6, 6], [3, 0, 9, 6], [6, 0, 12, 6]], 0.34, [[0], [1], [2]]),  # their IoU is a third
        ([[0, 0, 6, 6], [0, 0, 6, 6]], 1, [[0, 1]]),
        ([[2, 2, 2, 2], [2, 2, 2, 2]], 0.5, [[0], [1]]),  # nothing overlaps what has no area
    ],
)
def test_groups_of_boxes(boxes: list[list[float]], threshold: float, expected: list[list[int]]) -> None:
    count = len(boxes)
    found = instances(np.array(boxes), np.linspace(0.9, 0.5, count), np.zeros(count))
    assert groups(found, threshold) == expected


def test_groups_are_of_one_class_and_the_best_is_first() -> None:
    box = np.array([[0, 0, 4, 4]] * 4)
    found = instances(box, np.array([0.5, 0.6, 0.9, 0.8]), np.array([1, 2, 2, 1]))
    assert groups(found, 0.5) == [[2, 1], [3, 0]]
    assert apart(found, 0.5).tolist() == [2, 3]


@given(
    st.integers(0, 10**6),
    st.tuples(st.integers(0, 15), st.integers(0, 11), st.integers(1, 16), st.integers(1, 12)),
)
@settings(max_examples=80, deadline=None)
def test_a_cut_is_the_part_of_the_bitmap(seed: int, part: tuple[int, int, int, int]) -> None:
    found = some(seed, 4)
    left, top = part[:2]
    right, bottom = min(left + part[2], 16), min(top + part[3], 12)
    cut = found.cut(left, top, (bottom - top, right - left))[np.array([2, 0])]
    assert isinstance(cut.masks, CutMasks) and found.masks is not None
    assert cut.boxes.tolist() == (found.boxes[[2, 0]] - [left, top, left, top]).tolist()
    for place, i in enumerate((2, 0)):
        np.testing.assert_array_equal(cut.masks.bitmap(place), found.masks.bitmap(i)[top:bottom, left:right])
    back = cut.placed(left, top, SIZE)
    assert isinstance(back.masks, PlacedMasks) and back.boxes.tolist() == found.boxes[[2, 0]].tolist()
    inside = np.zeros(SIZE, bool)
    inside[top:bottom, left:right] = True
    np.testing.assert_array_equal(back.masks.bitmap(0), found.masks.bitmap(2) & inside)


def test_joined_masks_are_those_of_their_sources() -> None:
    first, second = some(1, 2).masks, some(2, 3).masks
    assert first is not None and second is not None
    joined = JoinedMasks.of([first, second], SIZE)
    assert len(joined) == 5
    expected = [first.bitmap(0), first.bitmap(1), second.bitmap(0), second.bitmap(1), second.bitmap(2)]
    for i, bitmap in enumerate(expected):
        np.testing.assert_array_equal(joined.bitmap(i), bitmap)
    chosen = joined[np.array([False, True, False, False, True])]
    np.testing.assert_array_equal(chosen.bitmap(1), expected[4])
    assert len(JoinedMasks.of([], SIZE)) == 0
