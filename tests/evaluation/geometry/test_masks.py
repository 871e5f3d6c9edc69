"""IoU of masks and of segments: pycocotools and sets of pixels are asked."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco

from container.evaluation.geometry import (
    Overlap,
    TooManyPairs,
    index_masks,
    mask_areas,
    mask_overlaps,
    masks,
    polygon_masks,
    segment_overlaps,
)


def rows(overlap: Overlap) -> list[tuple[int, int, float]]:
    return list(zip(*(column.tolist() for column in overlap), strict=True))


def encoded(bitmaps: np.ndarray) -> list[dict[str, object]]:
    return [coco.encode(np.asfortranarray(bitmap, np.uint8)) for bitmap in bitmaps]


@pytest.mark.parametrize(("count", "side"), [(1, 4), (20, 30), (1100, 12)])  # the last one is more than goes at once
def test_masks_are_compared_as_pycocotools_does(count: int, side: int) -> None:
    random = np.random.default_rng(count)
    corners, sizes = random.integers(0, side, (2, count, 2)), random.integers(0, 5, (2, count, 2))
    grid = np.arange(side)
    spans = (grid >= corners[..., None]) & (grid < (corners + sizes)[..., None])
    found, truth = (encoded(one[:, 0, :, None] & one[:, 1, None]) for one in spans)
    crowd = random.random(count) < 0.2
    expected = coco.iou(found, truth, crowd)
    one, other = np.nonzero(expected > 0)
    assert rows(mask_overlaps(found, truth, crowd)) == list(
        zip(one.tolist(), other.tolist(), expected[one, other].tolist(), strict=True)
    )


@pytest.mark.parametrize(("found", "truth"), [(0, 0), (2, 0), (0, 2)])
def test_nothing_overlaps_nothing(found: int, truth: int) -> None:
    one, other = encoded(np.ones((found, 3, 3))), encoded(np.ones((truth, 3, 3)))
    assert rows(mask_overlaps(one, other, np.zeros(truth, bool))) == []


def test_masks_of_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masks, "_MAX_BYTES", 5)
    one = encoded(np.ones((1, 3, 3)))
    with pytest.raises(TooManyPairs, match="run lengths of over 5 bytes"):
        mask_overlaps(one * 2, one * 2, np.zeros(2, bool))


def decoded(ring: Sequence[Sequence[float]] | np.ndarray, height: int, width: int) -> list[list[int]]:
    (mask,) = polygon_masks([np.array(ring, float)], height, width)
    return np.asarray(coco.decode(mask)).tolist()  # type: ignore[no-any-return]


@settings(max_examples=100)
@given(arrays(float, st.tuples(st.integers(3, 8), st.just(2)), elements=st.floats(-5, 15)))
def test_polygons_are_rastered_as_pycocotools_does(ring: np.ndarray) -> None:
    assert polygon_masks([ring, ring], 9, 11) == coco.frPyObjects([ring.ravel().tolist()], 9, 11) * 2


@pytest.mark.parametrize(
    ("ring", "expected"),
    [
        ([], [[0, 0], [0, 0]]),
        ([[0, 0], [2, 2]], [[0, 0], [0, 0]]),
        ([[0, 0], [0, 0], [0, 0]], [[0, 0], [0, 0]]),
        ([[0, 0], [1, 0], [1, 2], [0, 2]], [[1, 0], [1, 0]]),
        # Far out of the picture, where pycocotools would take 320 MB, run over, or crash.
        ([[-1e6, -1e6], [1e6, -1e6], [1e6, 1e6], [-1e6, 1e6]], [[1, 1], [1, 1]]),
        ([[-1e300, -1e300], [1, -1e300], [1, 1e300], [-1e300, 1e300]], [[1, 0], [1, 0]]),
        ([[-1e6, 1], [1e6, 1], [1e6, 1e6], [-1e6, 1e6]], [[0, 0], [1, 1]]),
        ([[1e300, 0], [2e300, 0], [2e300, 1e300]], [[0, 0], [0, 0]]),
        ([[5e8, 0], [5e8, 2], [5e8 + 2, 2]], [[0, 0], [0, 0]]),
    ],
)
def test_polygons_by_hand(ring: list[list[float]], expected: list[list[int]]) -> None:
    assert decoded(ring, 2, 2) == expected


def test_a_cut_polygon_has_the_pixels_of_the_whole_one() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        ring = random.integers(-30, 50, (6, 2)).astype(float)
        whole = np.array(coco.decode(coco.frPyObjects([ring.ravel().tolist()], 20, 20))[..., 0])
        cut = ring
        for axis in (0, 1):
            cut = masks._cut(masks._cut(cut, axis, -1, 1), axis, 21, -1)
        assert len(cut) == 0 or (cut.min() >= -1 and cut.max() <= 21)
        assert (np.array(decoded(cut, 20, 20)) != whole).sum() <= 8  # pixels that an edge goes through


def test_an_outline_that_fills_the_picture_over_and_over_is_nothing() -> None:
    ring = np.tile([[0.0, 0], [5000, 5000]], (5000, 1))
    (mask,) = polygon_masks([ring], 5000, 5000)
    assert coco.area(mask) == 0


def test_a_picture_that_has_too_many_pixels() -> None:
    with pytest.raises(ValueError, match="50000×50000 has too many pixels"):
        polygon_masks([], 50_000, 50_000)


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        ([[1, 1], [2, 2]], [[5, 5], [7, 7]], [(0, 1, 1), (1, 0, 1)]),
        ([[1, 1], [1, 1]], [[5, 5], [7, 7]], [(1, 0, 0.5), (1, 1, 0.5)]),
        ([[1, 9], [9, 9]], [[5, 5], [7, 7]], [(1, 0, 0.5)]),  # nobody has declared 9
        ([[0, 0], [0, 0]], [[5, 5], [7, 7]], []),
        ([[1, 0], [0, 0]], [[0, 5], [7, 7]], []),
        ([[-1, 1], [2**31, 1]], [[5, 5], [7, -(2**40)]], [(1, 0, 1 / 3)]),
    ],
)
def test_segments_by_hand(
    found: list[list[int]], truth: list[list[int]], expected: list[tuple[int, int, float]]
) -> None:
    assert rows(segment_overlaps(np.array(found), np.array(truth), [2, 1], [5, 7])) == expected


@pytest.mark.parametrize("declared", [8, 1100])  # of the second one counts are sorted instead of kept in a table
def test_segments_against_sets_of_pixels(declared: int) -> None:
    random = np.random.default_rng(0)
    found, truth = random.integers(0, 10, (2, 30, 40)).astype(np.uint8)
    indices = random.permutation(declared).tolist()
    expected = []
    for i, one in enumerate(indices):
        for j, other in enumerate(indices):
            both = int(((found == one) & (truth == other)).sum()) if max(one, other) < 10 else 0
            if both:
                expected.append((i, j, both / int(((found == one) | (truth == other)).sum())))
    assert rows(segment_overlaps(found, truth, indices, indices)) == expected != []


def test_pictures_are_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    found, truth = np.random.default_rng(0).integers(0, 4, (2, 30, 40))
    whole = rows(segment_overlaps(found, truth, [1, 2, 3], [1, 2, 3]))
    monkeypatch.setattr(masks, "_BLOCK", 7)
    assert rows(segment_overlaps(found, truth, [1, 2, 3], [1, 2, 3])) == whole
    monkeypatch.setattr(masks, "_CELLS", 1)
    assert rows(segment_overlaps(found, truth, [1, 2, 3], [1, 2, 3])) == whole


def test_masks_of_indices_and_their_areas() -> None:
    pixels = np.array([[1, 1, 7], [0, 7, 300]], np.uint16)
    one, other, none, wide = index_masks(pixels, [1, 7, 2, 300])
    assert mask_areas([one, other, none, wide]).tolist() == [2, 2, 0, 1]
    assert np.asarray(coco.decode(other)).tolist() == [[0, 0, 1], [0, 1, 0]]
    assert (len(index_masks(pixels, [])), mask_areas([]).tolist()) == (0, [])


def test_no_segments() -> None:
    pixels = np.zeros((2, 2), np.uint8)
    assert rows(segment_overlaps(pixels, pixels, [], [])) == []
    assert rows(segment_overlaps(pixels, pixels, [0], [])) == []
