"""How far boxes and bitmaps overlap."""

from collections.abc import Callable, Sequence

import numpy as np

from container.cancellation import checkpoint

Placed = tuple[np.ndarray, int, int]  # bool h×w and the x and y of its top left corner in a picture
Joins = Callable[[int, np.ndarray], np.ndarray]  # which of some, int64 M, belong to one: bool M


def box_ious(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The IoU of a box, xyxy, with each of N: float64 N, 0 where neither has an area."""
    box, boxes = box.astype(np.float64), boxes.astype(np.float64)
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    both = np.maximum(sides, 0).prod(axis=1)
    area, areas = (box[2:] - box[:2]).prod(), (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    either = area + areas - both
    return np.asarray(np.divide(both, either, out=np.zeros(len(boxes)), where=either > 0))


def union(bitmaps: Sequence[Placed]) -> Placed:
    """All pixels of one or more bitmaps."""
    left, top = min(x for _, x, _ in bitmaps), min(y for _, _, y in bitmaps)
    right = max(x + crop.shape[1] for crop, x, _ in bitmaps)
    bottom = max(y + crop.shape[0] for crop, _, y in bitmaps)
    whole = np.zeros((bottom - top, right - left), bool)
    for crop, x, y in bitmaps:
        whole[y - top : y - top + crop.shape[0], x - left : x - left + crop.shape[1]] |= crop
    return whole, left, top


def intersection(bitmaps: Sequence[Placed]) -> Placed:
    """The pixels that one or more bitmaps have in common."""
    common, x, y = bitmaps[0]
    for crop, other_x, other_y in bitmaps[1:]:
        left, top = max(x, other_x), max(y, other_y)
        right = max(min(x + common.shape[1], other_x + crop.shape[1]), left)
        bottom = max(min(y + common.shape[0], other_y + crop.shape[0]), top)
        common = common[top - y : bottom - y, left - x : right - x]
        common = common & crop[top - other_y : bottom - other_y, left - other_x : right - other_x]
        x, y = left, top
    return common, x, y


def common_pixels(one: Placed, other: Placed) -> int:
    """How many pixels two bitmaps have in common."""
    return int(np.count_nonzero(intersection([one, other])[0]))


def greedy_groups(scores: np.ndarray, classes: np.ndarray, joins: Joins) -> list[list[int]]:
    """Groups of N things of one class: the best takes those that `joins` it, then the best of the others does.

    The best is the first of its group, and the best group is first. Before each is a checkpoint of cancellation.
    """
    groups = []
    for one in np.unique(classes):
        members = np.flatnonzero(classes == one)
        order = members[np.argsort(-scores[members], kind="stable")]
        while len(order):
            checkpoint()
            best, order = int(order[0]), order[1:]
            taken = joins(best, order) if len(order) else np.zeros(0, bool)
            groups.append([best, *order[taken].tolist()])
            order = order[~taken]
    return sorted(groups, key=lambda group: -scores[group[0]])
