"""IoU of masks by their pixels: run lengths, and the segments of pictures of indices."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from pycocotools import mask as coco

from container.evaluation.geometry.boxes import MAX_PAIRS, Overlap, TooManyPairs
from container.evaluation.objects import RunLengths

_DENSE = 2**20  # pairs of masks that are compared at once; pixels that are counted at once
_CELLS = 2**20  # so many counts are kept in a table; more are sorted


def mask_overlaps(found: Sequence[RunLengths], truth: Sequence[RunLengths], crowd: np.ndarray) -> Overlap:
    """The overlaps of masks of one picture, as pycocotools finds them.

    Args:
        found: N run lengths.
        truth: M run lengths.
        crowd: bool M, whose IoU is the share of the prediction that lies in it.

    Raises:
        TooManyPairs: over MAX_PAIRS overlap.
    """
    if not len(found) or not len(truth):
        return Overlap(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    parts, total = [], 0
    size = max(_DENSE // len(truth), 1)
    for start in range(0, len(found), size):
        iou = coco.iou(list(found[start : start + size]), list(truth), crowd.astype(np.uint8))
        one, other = np.nonzero(iou > 0)
        parts.append(Overlap(one + start, other, iou[one, other]))
        total += len(one)
        if total > MAX_PAIRS:
            raise TooManyPairs
    return Overlap(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def polygon_masks(polygons: Sequence[np.ndarray], height: int, width: int) -> list[RunLengths]:
    """The masks of rings, each float64 K×2 of (x, y) with K ≥ 3, as COCO's rule rasters them."""
    return [coco.frPyObjects([ring.ravel().tolist()], height, width)[0] for ring in polygons]


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
    for start in range(0, len(one), _DENSE):
        yield one[start : start + _DENSE], other[start : start + _DENSE]


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
    return [coco.encode(np.asfortranarray(pixels == index, np.uint8)) for index in indices]


def mask_areas(masks: Sequence[RunLengths]) -> np.ndarray:
    """Return how many pixels each mask has, float64."""
    return np.array([coco.area(mask) for mask in masks], np.float64)
