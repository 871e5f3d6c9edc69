"""Instances that are of one object, as two models or two parts of an image have found it."""

import numpy as np

from container.cancellation import checkpoint
from container.ops.overlap import Placed, box_ious, common_pixels, greedy_groups, union
from container.structures.instances import Instances
from container.structures.masks import Masks


def apart(instances: Instances, iou_threshold: float) -> np.ndarray:
    """Return the indices of instances whose IoU with each better one of their class is not over the threshold.

    It is that of masks, where there are masks. int64 M, best score first: non-maximum suppression.
    """
    if instances.masks is None:
        boxes = instances.boxes

        def joins(best: int, others: np.ndarray) -> np.ndarray:
            return box_ious(boxes[best], boxes[others]) > iou_threshold

    else:
        overlaps = _MaskOverlaps(instances.masks)

        def joins(best: int, others: np.ndarray) -> np.ndarray:
            return overlaps.ious(overlaps.masks.crop(best), others, iou_threshold) > iou_threshold

    groups = greedy_groups(instances.scores, instances.classes, joins)
    return np.array([group[0] for group in groups], np.int64)


def groups(instances: Instances, iou_threshold: float) -> list[list[int]]:
    """Return the indices of instances in groups of one class, best score first: non-maximum merging.

    A group holds those whose box has at least the IoU `iou_threshold` with that of its best. Masks are joined as they
    are found: what overlaps the region of the group so far belongs to it.
    """
    if instances.masks is None:
        boxes = instances.boxes

        def joins(best: int, others: np.ndarray) -> np.ndarray:
            return box_ious(boxes[best], boxes[others]) >= iou_threshold

    else:
        overlaps = _MaskOverlaps(instances.masks)

        def joins(best: int, others: np.ndarray) -> np.ndarray:
            return overlaps.grown(best, others, iou_threshold)

    return greedy_groups(instances.scores, instances.classes, joins)


class _MaskOverlaps:
    """The IoU of masks, whose bitmaps are made when boxes overlap, and not kept."""

    def __init__(self, masks: Masks) -> None:
        self.masks = masks
        self._areas = np.zeros(len(masks), np.int64)
        self._boxes = np.zeros((len(masks), 4), np.int64)  # xyxy
        for i in range(len(masks)):
            checkpoint()
            crop, x, y = masks.crop(i)
            self._areas[i] = np.count_nonzero(crop)
            self._boxes[i] = x, y, x + crop.shape[1], y + crop.shape[0]

    def ious(self, region: Placed, others: np.ndarray, least: float) -> np.ndarray:
        """Return the IoU of a region with others, int64 M, as float64 M; for some of those under `least`, 0.

        Most bitmaps need not be made: they share no more pixels than their boxes do, and no more than each has.
        """
        crop, x, y = region
        area, areas, boxes = np.count_nonzero(crop), self._areas[others], self._boxes[others]
        low, high = np.maximum(boxes[:, :2], (x, y)), np.minimum(boxes[:, 2:], (x + crop.shape[1], y + crop.shape[0]))
        most = np.minimum((high - low).clip(0).prod(axis=1), np.minimum(areas, area))
        ious = np.zeros(len(others))
        for k in np.flatnonzero((most > 0) & (most / np.maximum(area + areas - most, 1) >= least)).tolist():
            checkpoint()
            both = common_pixels(region, self.masks.crop(int(others[k])))
            ious[k] = both / (area + areas[k] - both)
        return ious

    def grown(self, best: int, others: np.ndarray, iou_threshold: float) -> np.ndarray:
        """Return which of the others belong to the region of `best`, which grows by each that does: bool M."""
        region = self.masks.crop(best)
        taken = np.zeros(len(others), bool)
        while not taken.all():
            left = np.flatnonzero(~taken)
            more = left[self.ious(region, others[left], iou_threshold) >= iou_threshold]
            if not len(more):
                break
            taken[more] = True
            for k in more.tolist():
                region = union([region, self.masks.crop(int(others[k]))])
        return taken
