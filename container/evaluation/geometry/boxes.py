"""IoU of boxes, and which of many boxes overlap at all."""

from typing import NamedTuple

import numpy as np
import shapely

MAX_PAIRS = 5_000_000  # of one image: 120 MB
_DENSE = 2**20  # so many pairs are compared each with each, in 20 ms; where there may be more, a tree finds them
_CHUNK = 2**22  # pairs that a tree may find at once


class Overlap(NamedTuple):
    """P pairs whose IoU is over 0, in the order of predictions, and of a prediction's pairs in that of truth."""

    found: np.ndarray  # int64 P, place of the prediction
    truth: np.ndarray  # int64 P, place of the object
    iou: np.ndarray  # float64 P


class TooManyPairs(ValueError):
    """The objects of one image overlap too often to compare them."""

    def __init__(self, reason: str = f"over {MAX_PAIRS:,} pairs of objects of one image overlap") -> None:
        super().__init__(reason)


def box_overlaps(found: np.ndarray, truth: np.ndarray, crowd: np.ndarray | None = None) -> Overlap:
    """The overlaps of boxes, equal to those of pycocotools to the last bit; it calls NaN what has no area.

    Args:
        found: float64 N×4 xywh.
        truth: float64 M×4 xywh.
        crowd: bool M, whose IoU is the share of the prediction that lies in it; none without it.

    Raises:
        TooManyPairs: over MAX_PAIRS overlap.
    """
    if crowd is None:
        crowd = np.zeros(len(truth), bool)
    if len(found) * len(truth) <= _DENSE:
        iou = _iou(found[:, None], truth[None], crowd)
        one, other = np.nonzero(iou > 0)
        return Overlap(one, other, iou[one, other])
    one, other = meeting(found, truth)
    iou = _iou(found[one], truth[other], crowd[other])
    kept = iou > 0
    return Overlap(one[kept], other[kept], iou[kept])


def _iou(found: np.ndarray, truth: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """The IoU of boxes … × 4, in pycocotools' order of operations; 0 or NaN for those that do not overlap."""
    x, y, width, height = np.moveaxis(found, -1, 0)
    other_x, other_y, other_width, other_height = np.moveaxis(truth, -1, 0)
    with np.errstate(all="ignore"):  # huge numbers
        across = np.minimum(width + x, other_width + other_x) - np.maximum(x, other_x)
        down = np.minimum(height + y, other_height + other_y) - np.maximum(y, other_y)
        both = np.maximum(across, 0) * np.maximum(down, 0)
        area = width * height
        return np.asarray(both / np.where(crowd, area, area + other_width * other_height - both))


def meeting(found: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the pairs of boxes, N×4 and M×4 xywh, that overlap, in order; int64 P each.

    Raises:
        TooManyPairs: over MAX_PAIRS do.
    """
    if len(found) * len(truth) <= _DENSE:
        first, second = _corners(found)[:, None], _corners(truth)[None]
        one, other = np.nonzero(_meet(first, second))
        return one, other
    one, other = _tree_pairs(_corners(found), _corners(truth))
    order = np.lexsort((other, one))
    return one[order], other[order]


def _corners(boxes: np.ndarray) -> np.ndarray:
    """The xyxy of boxes, finite even where x + width overflows."""
    with np.errstate(over="ignore"):
        ends = boxes[:, :2] + boxes[:, 2:]
    return np.concatenate((boxes[:, :2], np.nan_to_num(ends)), axis=1)


def _meet(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether boxes, xyxy, share more than an edge."""
    return np.asarray((np.maximum(one[..., :2], other[..., :2]) < np.minimum(one[..., 2:], other[..., 2:])).all(-1))


def _tree_pairs(found: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the pairs of boxes, xyxy, that overlap."""
    seen, known = (np.flatnonzero((boxes[:, :2] < boxes[:, 2:]).all(1)) for boxes in (found, truth))
    if not len(seen) or not len(known):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # The tree takes boxes that touch for a pair. Of boxes that all touch there are too many, so each is made smaller.
    inner = np.concatenate((np.nextafter(truth[known, :2], np.inf), np.nextafter(truth[known, 2:], -np.inf)), axis=1)
    tree = shapely.STRtree(shapely.box(*inner.T))
    boxes = shapely.box(*found[seen].T)
    size, pairs, total = max(_CHUNK // len(known), 1), [], 0
    for start in range(0, len(seen), size):
        one, other = tree.query(boxes[start : start + size])
        one, other = seen[one + start], known[other]
        both = _meet(found[one], truth[other])
        pairs.append((one[both], other[both]))
        total += len(pairs[-1][0])
        if total > MAX_PAIRS:
            raise TooManyPairs
    return np.concatenate([one for one, _ in pairs]), np.concatenate([other for _, other in pairs])
