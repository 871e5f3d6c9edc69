"""IoU of cuboids that are turned about the vertical axis."""

import numpy as np
import shapely

from container.evaluation.geometry.areas import shared_areas
from container.evaluation.geometry.boxes import Overlap, meeting
from container.evaluation.geometry.polygons import FARTHEST, ROUNDING

_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2


@np.errstate(all="ignore")  # volumes that no number holds
def cuboid_overlaps(found: np.ndarray, truth: np.ndarray) -> Overlap:
    """The overlaps of cuboids, each x, y, z of its centre, its lengths along x, y, z before it is turned, and its yaw.

    Args:
        found: float64 N×7; yaw in radians, from x to y.
        truth: float64 M×7.

    Raises:
        TooManyPairs: over MAX_PAIRS come near each other.
    """
    one, other = meeting(_around(found), _around(truth))
    first, second = found[one], truth[other]
    high, low = (np.stack([c[:, 2] + sign * c[:, 5] / 2 for c in (first, second)]) for sign in (1, -1))
    height = np.maximum(high.min(0) - low.max(0), 0)
    seen, known = _footprints(found), _footprints(truth)
    ground = shared_areas(seen, known, one, other)
    both = ground * height
    iou = both / (first[:, 3:6].prod(1) + second[:, 3:6].prod(1) - both)
    kept = iou > ROUNDING
    return Overlap(one[kept], other[kept], np.minimum(iou[kept], 1))


def _around(cuboids: np.ndarray) -> np.ndarray:
    """The boxes on the ground, xywh, that hold cuboids however they are turned; no size for what has no volume."""
    sizes = cuboids[:, 3:6]
    usable = (sizes > 0).all(1) & (sizes < FARTHEST).all(1) & (np.abs(cuboids[:, :3]) < FARTHEST).all(1)
    across = np.where(usable, np.hypot(*np.where(usable[:, None], sizes[:, :2], 0).T), 0)[:, None]
    corner = np.where(usable[:, None], cuboids[:, :2], 0) - across / 2
    return np.concatenate((corner, across, across), axis=1)


def _footprints(cuboids: np.ndarray) -> np.ndarray:
    """The polygons on the ground."""
    corners = _CORNERS * cuboids[:, None, 3:5]
    x, y = np.moveaxis(corners, -1, 0)
    cos, sin = np.cos(cuboids[:, 6, None]), np.sin(cuboids[:, 6, None])
    turned = np.stack((cos * x - sin * y, sin * x + cos * y), -1)
    return np.asarray(shapely.polygons(turned + cuboids[:, None, :2]))
