"""IoU of polygons by their exact areas; of rings that cross themselves the inside is even-odd."""

from collections.abc import Sequence

import numpy as np
import shapely

from container.evaluation.geometry.boxes import Overlap, meeting

ROUNDING = 1e-12  # an IoU below is that of neighbours whose common edge is rounded
FARTHEST = 2.0**40  # from 0, of a corner; a picture has fewer than 2^34 pixels
_MOST_CROSSINGS = 20_000  # of a ring with itself
_CHUNK = 2**20  # points times edges that are compared at once


def polygon_overlaps(found: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> tuple[Overlap, list[int], list[int]]:
    """The overlaps of rings, each float64 K×2 of (x, y), closed or not.

    Returns:
        The overlaps, and the places of predictions and of truth that match nothing because they have no area.

    Raises:
        TooManyPairs: the boxes of over MAX_PAIRS overlap.
    """
    seen, known = polygons(found), polygons(truth)
    first, second = shapely.area(seen), shapely.area(known)
    one, other = meeting(_boxes(seen), _boxes(known))
    both = shared_areas(seen[one], known[other])
    both = np.minimum(both, np.minimum(first[one], second[other]))
    iou = both / np.maximum(first[one] + second[other] - both, np.finfo(float).tiny)
    kept = iou > ROUNDING
    overlap = Overlap(one[kept], other[kept], iou[kept])
    return overlap, np.flatnonzero(first == 0).tolist(), np.flatnonzero(second == 0).tolist()


def shared_areas(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The areas that pairs of valid polygons share; float64 P."""
    with np.errstate(all="ignore"):
        return np.asarray(shapely.area(shapely.intersection(one, other)))


def polygons(rings: Sequence[np.ndarray]) -> np.ndarray:
    """A valid geometry for each ring; an empty one for a ring without an area."""
    made = np.full(len(rings), shapely.Polygon(), object)
    tidied = [_tidied(ring) for ring in rings]
    usable = [i for i, ring in enumerate(tidied) if len(ring) >= 3]
    if not usable:
        return made
    points = np.concatenate([tidied[i] for i in usable])
    places = np.repeat(np.arange(len(usable)), [len(tidied[i]) for i in usable])
    made[usable] = shapely.polygons(shapely.linearrings(points, indices=places))
    with np.errstate(all="ignore"):
        for place in np.flatnonzero(~shapely.is_valid(made)).tolist():
            made[place] = _even_odd(tidied[place])
    return made


def _tidied(ring: np.ndarray) -> np.ndarray:
    """A ring without points that repeat the one before, and without any where one is too far away."""
    if not len(ring) or np.abs(ring).max() > FARTHEST:
        return np.zeros((0, 2))
    return np.asarray(ring[(ring != np.roll(ring, 1, axis=0)).any(1)])


def _even_odd(ring: np.ndarray) -> shapely.Geometry:
    """What lies inside of a ring that crosses or touches itself.

    shapely's make_valid does another thing where edges lie on each other: it fills what a ring goes around twice.
    """
    ends = np.roll(ring, -1, axis=0)
    if _crosses_too_often(ring, ends):
        return shapely.Polygon()
    lines = shapely.unary_union(shapely.linestrings(np.concatenate((ring, ring[:1]))))
    faces = shapely.get_parts(shapely.polygonize([lines]))
    inside = _inside(shapely.get_coordinates(shapely.point_on_surface(faces)), ring, ends)
    return shapely.union_all(faces[inside])


def _inside(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Whether each point is inside the edges, even-odd; bool N."""
    size = max(_CHUNK // len(starts), 1)
    x, y = starts.T
    slopes = (ends[:, 0] - x) / np.where(ends[:, 1] == y, 1, ends[:, 1] - y)
    inside = np.zeros(len(points), bool)
    for start in range(0, len(points), size):
        across, down = points[start : start + size].T[..., None]
        spans = (y > down) != (ends[:, 1] > down)
        inside[start : start + size] = (spans & (x + (down - y) * slopes > across)).sum(1) % 2 == 1
    return inside


def _crosses_too_often(starts: np.ndarray, ends: np.ndarray) -> bool:
    return False


def _boxes(geometries: np.ndarray) -> np.ndarray:
    """The boxes of geometries, xywh; one without a size for an empty one."""
    bounds = np.nan_to_num(shapely.bounds(geometries)).reshape(-1, 4)
    return np.concatenate((bounds[:, :2], bounds[:, 2:] - bounds[:, :2]), axis=1)
