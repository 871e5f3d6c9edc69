"""Suppression and merging, against torchvision and against full bitmaps."""

from dataclasses import replace

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


WINDOWS = st.tuples(st.integers(-5, 18), st.integers(-5, 14), st.integers(0, 25), st.integers(0, 20))


def window(bitmap: np.ndarray, left: int, top: int, width: int, height: int) -> np.ndarray:
    """Return a part of a bitmap that may reach beyond it."""
    padded = np.pad(bitmap, 50)
    return padded[top + 50 : top + height + 50, left + 50 : left + width + 50]


@given(st.integers(0, 10**6), WINDOWS, WINDOWS)
@settings(max_examples=100, deadline=None)
def test_a_cut_is_the_part_of_the_bitmap(seed: int, part: tuple[int, ...], inner: tuple[int, ...]) -> None:
    found = some(seed, 4)
    left, top, width, height = part
    cut = found.cut(left, top, (height, width))[np.array([2, 0])]
    assert isinstance(cut.masks, CutMasks) and found.masks is not None
    assert cut.boxes.tolist() == (found.boxes[[2, 0]] - [left, top, left, top]).tolist()
    again = cut.cut(*inner[:2], (inner[3], inner[2]))
    assert again.masks is not None
    for place, i in enumerate((2, 0)):
        expected = window(found.masks.bitmap(i), *part)
        np.testing.assert_array_equal(cut.masks.bitmap(place), expected)
        np.testing.assert_array_equal(again.masks.bitmap(place), window(expected, *inner))


def test_what_is_cut_and_placed_again_is_where_it_was() -> None:
    found = some(3, 4)
    back = found.cut(4, 2, (7, 9)).placed(4, 2, SIZE)
    assert isinstance(back.masks, PlacedMasks) and back.boxes.tolist() == found.boxes.tolist()
    inside = np.zeros(SIZE, bool)
    inside[2:9, 4:13] = True
    np.testing.assert_array_equal(back.masks.bitmap(1), found.masks.bitmap(1) & inside)  # type: ignore[union-attr]


def test_cuts_of_cuts_and_joins_of_joins_do_not_pile_up() -> None:
    found = some(3, 4)
    deep = found
    for _ in range(500):
        deep = deep.cut(0, 0, SIZE)
        assert deep.masks is not None
        deep = replace(deep, masks=JoinedMasks.of([deep.masks], SIZE))
        assert isinstance(deep.masks, JoinedMasks)
        deep = replace(deep, masks=deep.masks.sources[0])
    assert isinstance(deep.masks, CutMasks) and deep.masks.masks is found.masks
    first, second = found.masks, some(4, 2).masks
    assert first is not None and second is not None
    masks, bitmaps = JoinedMasks.of([second, first], SIZE), [second.bitmap(0), second.bitmap(1), first.bitmap(0)]
    for _ in range(5):
        masks = JoinedMasks.of([masks[np.array([2, 0])], second, masks], SIZE)[np.array([1, 5, 0, 3])]
        bitmaps = [bitmaps[0], bitmaps[1], bitmaps[2], second.bitmap(1)]
    assert len(masks.sources) == 2
    for i, bitmap in enumerate(bitmaps):
        np.testing.assert_array_equal(masks.bitmap(i), bitmap)


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
