"""IoU of masks by their pixels: run lengths, and the segments of pictures of indices."""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import numpy as np
from pycocotools import mask as coco

from container.evaluation.geometry.boxes import Overlap, TooManyPairs, meeting
from container.evaluation.objects import RunLengths

_DENSE = 2**20  # pairs of masks that are compared each with each
_BLOCK = 2**20  # pixels that are counted at once
_CELLS = 2**20  # so many counts are kept in a table; more are sorted
_MAX_BYTES = 10_000_000_000  # of the run lengths of all pairs of one image: 20 s
MAX_PIXELS = 2**31  # of a picture; pycocotools counts no further
_MAX_OUTLINE = 2**22  # steps of a fifth of a pixel, in which pycocotools goes around a ring; each takes 16 bytes


def mask_overlaps(found: Sequence[RunLengths], truth: Sequence[RunLengths], crowd: np.ndarray) -> Overlap:
    """The overlaps of masks of one picture, as pycocotools finds them.

    Args:
        found: N run lengths.
        truth: M run lengths.
        crowd: bool M, whose IoU is the share of the prediction that lies in it.

    Raises:
        TooManyPairs: the boxes of over MAX_PAIRS overlap, or all pairs together have run lengths of over 10 GB.
    """
    if not len(found) or not len(truth):
        return Overlap(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    one, other = meeting(coco.toBbox(list(found)), coco.toBbox(list(truth)))
    if (_sizes(found)[one] + _sizes(truth)[other]).sum() > _MAX_BYTES:
        raise TooManyPairs(f"masks of one image that overlap have run lengths of over {_MAX_BYTES:,} bytes")
    if len(found) * len(truth) <= _DENSE:
        iou = coco.iou(list(found), list(truth), crowd.astype(np.uint8))[one, other]
    else:
        starts = np.searchsorted(one, np.arange(len(found) + 1)).tolist()
        rows = [
            coco.iou([mask], [truth[i] for i in other[start:end].tolist()], crowd[other[start:end]].astype(np.uint8))[0]
            for mask, start, end in zip(found, starts[:-1], starts[1:], strict=True)
            if end > start
        ]
        iou = np.concatenate([np.zeros(0), *rows])
    kept = iou > 0
    return Overlap(one[kept], other[kept], iou[kept])


def _sizes(masks: Sequence[RunLengths]) -> np.ndarray:
    return np.array([len(cast(bytes, mask["counts"])) for mask in masks])


def polygon_masks(polygons: Sequence[np.ndarray], height: int, width: int) -> list[RunLengths]:
    """The masks of rings, each float64 K×2 of (x, y), as COCO's rule rasters them.

    A mask is empty where the ring has fewer than three corners, and where it is longer than 800,000 pixels in the
    picture: pycocotools' memory grows with its length.

    Raises:
        ValueError: the picture has 2^31 pixels or more.
    """
    if height * width >= MAX_PIXELS:
        raise ValueError(f"a picture of {width}×{height} has too many pixels for masks")
    rings = [_within_reach(ring, height, width).ravel() for ring in polygons]
    return list(coco.frPyObjects(rings, height, width)) if rings else []


def _within_reach(ring: np.ndarray, height: int, width: int) -> np.ndarray:
    """The ring; cut off around the picture if it is too long, and shrunk to nothing if that doesn't help."""
    nothing = np.full((3, 2), -1.0)
    if len(ring) < 3:
        return nothing
    if _is_long(ring):
        for axis, end in ((0, width), (1, height)):
            ring = _cut(_cut(ring, axis, -1, 1), axis, end + 1, -1)
    return nothing if len(ring) < 3 or _is_long(ring) else ring


def _is_long(ring: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        steps = 5 * np.abs(ring - np.roll(ring, 1, axis=0)).max(1).sum() + len(ring)
        return bool(steps > _MAX_OUTLINE or 5 * np.abs(ring).max() > MAX_PIXELS / 2)


def _cut(ring: np.ndarray, axis: int, end: float, side: int) -> np.ndarray:
    """The part of a ring whose coordinate is over `end`, or under it where `side` is -1, closed along that line."""
    if not len(ring):
        return ring
    after = np.roll(ring, -1, axis=0)
    with np.errstate(all="ignore"):
        over, next_over = (side * (points[:, axis] - end) for points in (ring, after))
        crossing = ring + (after - ring) * (over / (over - next_over))[:, None]
    crossing[:, axis] = end
    both = np.stack((ring, crossing), axis=1)
    return np.asarray(both[np.stack((over >= 0, (over >= 0) != (next_over >= 0)), axis=1)])


def segment_overlaps(
    found: np.ndarray, truth: np.ndarray, found_indices: Sequence[int], truth_indices: Sequence[int]
) -> Overlap:
    """The overlaps of the segments of two pictures of one size; pixels of other indices are background.

    Args:
        found: integers H×W.
        truth: integers H×W.
        found_indices: of N segments, each once.
        truth_indices: of M segments, each once.
    """
    columns = len(truth_indices) + 1
    cells, counts = _counted(
        (_places(one, found_indices) * columns + _places(other, truth_indices) for one, other in _blocks(found, truth)),
        (len(found_indices) + 1) * columns,
    )
    one, other = np.divmod(cells, columns)
    first = np.bincount(one, counts, len(found_indices) + 1)
    second = np.bincount(other, counts, columns)
    segments = (one > 0) & (other > 0)
    one, other, both = one[segments], other[segments], counts[segments]
    return Overlap(one - 1, other - 1, both / (first[one] + second[other] - both))


def _blocks(found: np.ndarray, truth: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    one, other = found.ravel(), truth.ravel()
    for start in range(0, len(one), _BLOCK):
        yield one[start : start + _BLOCK], other[start : start + _BLOCK]


def _places(pixels: np.ndarray, indices: Sequence[int]) -> np.ndarray:
    """The place of each pixel's index among `indices` from 1, and 0 for one that is not among them; int64."""
    if not len(indices):
        return np.zeros(len(pixels), np.int64)
    order = np.argsort(indices)
    known = np.asarray(indices)[order]
    nearest = np.minimum(np.searchsorted(known, pixels), len(known) - 1)
    return np.where(known[nearest] == pixels, order[nearest] + 1, 0)


def _counted(blocks: Iterable[np.ndarray], cells: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers below `cells` in some blocks, in order, and how often each is there; int64 both."""
    if cells <= _CELLS:
        table = np.zeros(cells, np.int64)
        for block in blocks:
            table += np.bincount(block, minlength=cells)
        kept = np.flatnonzero(table)
        return kept, table[kept]
    parts = [np.unique(block, return_counts=True) for block in blocks]
    kept, places = np.unique(np.concatenate([numbers for numbers, _ in parts]), return_inverse=True)
    counts = np.bincount(places, np.concatenate([counts for _, counts in parts]), len(kept))
    return kept, counts.astype(np.int64)


def index_masks(pixels: np.ndarray, indices: Sequence[int]) -> list[RunLengths]:
    """Return the mask of each index among the pixels of an H×W array."""
    columns = np.asfortranarray(pixels)  # once: 100 segments of 4 megapixels then take 0.7 s instead of 1.45
    return [coco.encode(np.asarray(columns == index).view(np.uint8)) for index in indices]


def mask_areas(masks: Sequence[RunLengths]) -> np.ndarray:
    """Return how many pixels each mask has, float64."""
    return np.array([coco.area(mask) for mask in masks], np.float64)
