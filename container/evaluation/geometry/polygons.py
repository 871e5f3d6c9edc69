"""IoU of polygons by their exact areas; of rings that cross themselves the inside is even-odd."""

from collections.abc import Sequence

import numpy as np
import shapely

from container.evaluation.geometry.areas import shared_areas
from container.evaluation.geometry.boxes import Overlap, meeting

ROUNDING = 1e-12  # an IoU below is that of neighbours whose common edge is rounded
FARTHEST = 2.0**40  # from 0, of a corner; a picture has fewer than 2^34 pixels
SMALLEST = 1e-60  # area of the box around a ring; those of less are too small for a grid of 2^-45 of their size
_CROSSINGS = 20_000  # of a ring with itself; GEOS takes 50 µs for each
_CHUNK = 2**20  # points times edges that are compared at once
_STEP = 64  # edges that a tree is asked for at once


@np.errstate(all="ignore")  # numbers that hold no area, and what GEOS divides by zero on its way
def polygon_overlaps(found: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> tuple[Overlap, list[int], list[int]]:
    """The overlaps of rings, each float64 K×2 of (x, y), closed or not.

    Returns:
        The overlaps, and the places of predictions and of truth that match nothing: they have no area, a corner lies
        farther away than FARTHEST, or they may cross themselves over 20,000 times.

    Raises:
        TooManyPairs: the boxes of over MAX_PAIRS overlap, or these have over 10,000,000,000 pairs of edges.
    """
    seen, known = _polygons(found), _polygons(truth)
    first, second = shapely.area(seen), shapely.area(known)
    one, other = meeting(_boxes(seen), _boxes(known))
    both = np.minimum(shared_areas(seen, known, one, other), np.minimum(first[one], second[other]))
    iou = both / (first[one] + second[other] - both)
    kept = iou > ROUNDING
    overlap = Overlap(one[kept], other[kept], iou[kept])
    return overlap, np.flatnonzero(first == 0).tolist(), np.flatnonzero(second == 0).tolist()


def _polygons(rings: Sequence[np.ndarray]) -> np.ndarray:
    """A valid geometry for each ring; an empty one for a ring that matches nothing."""
    made = np.full(len(rings), shapely.Polygon(), object)
    points, ring = _tidied(rings)
    sizes = np.bincount(ring, minlength=len(rings))
    usable = np.flatnonzero(sizes >= 3)
    if not len(usable):
        return made
    kept = sizes[ring] >= 3
    places = np.repeat(np.arange(len(usable)), sizes[usable])
    made[usable] = shapely.polygons(shapely.linearrings(points[kept], indices=places))
    made[_boxes(made)[:, 2:].prod(axis=1) < SMALLEST] = shapely.Polygon()
    for place in np.flatnonzero(~shapely.is_valid(made)).tolist():
        made[place] = _even_odd(points[ring == place])
    made[shapely.area(made) == 0] = shapely.Polygon()
    return made


def _tidied(rings: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All points, N×2, but those that are their predecessors again and those of rings that go too far; their rings."""
    sizes = np.array([len(ring) for ring in rings], np.int64)
    points = np.concatenate([np.zeros((0, 2)), *rings])
    ring = np.repeat(np.arange(len(rings)), sizes)
    ends = np.cumsum(sizes)
    before = np.arange(len(points)) - 1
    before[(ends - sizes)[sizes > 0]] = ends[sizes > 0] - 1
    far = np.zeros(len(rings), bool)
    far[ring[np.abs(points).max(1) > FARTHEST]] = True
    kept = (points != points[before]).any(1) & ~far[ring]
    return points[kept], ring[kept]


def _even_odd(ring: np.ndarray) -> shapely.Geometry:
    """What lies inside of a ring that crosses or touches itself, as polygons that may have edges in common.

    shapely's make_valid does another thing where edges lie on each other: it fills what a ring goes around twice.
    """
    corner = ring.min(axis=0)
    starts = ring - corner
    ends = np.roll(starts, -1, axis=0)
    if _crosses_often(np.stack((starts, ends), axis=1)):
        return shapely.Polygon()
    # Without a grid, GEOS makes faces that lie on each other of edges that nearly do.
    step = float(np.ldexp(1.0, np.frexp(starts.max())[1] - 45))
    lines = shapely.unary_union(shapely.linestrings(np.concatenate((starts, starts[:1]))), grid_size=step)
    faces = shapely.get_parts(shapely.polygonize([lines]))
    inside = _inside(shapely.get_coordinates(shapely.point_on_surface(faces)), starts, ends)
    return shapely.transform(shapely.multipolygons(faces[inside]), lambda points: points + corner)


def _inside(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Whether each point is inside of a ring of edges: a line from there to the right crosses an odd number; bool N."""
    size = max(_CHUNK // len(starts), 1)
    (x, y), (other_x, other_y) = starts.T, ends.T
    level = y == other_y
    slopes = np.where(level, 0, other_x - x) / np.where(level, 1, other_y - y)
    inside = np.zeros(len(points), bool)
    for start in range(0, len(points), size):
        across, down = points[start : start + size].T[..., None]
        spans = (y > down) != (other_y > down)
        inside[start : start + size] = (spans & (x + (down - y) * slopes > across)).sum(1) % 2 == 1
    return inside


def _crosses_often(edges: np.ndarray) -> bool:
    """Whether over _CROSSINGS pairs of a ring's edges, K×2×2, may cross: their boxes meet."""
    # Each edge meets itself and its two neighbours; other pairs are counted from both sides.
    most = 2 * _CROSSINGS + 3 * len(edges)
    if len(edges) ** 2 <= most:
        return False
    lines = shapely.linestrings(edges)
    tree = shapely.STRtree(lines)
    count = 0
    for start in range(0, len(edges), _STEP):
        count += tree.query(lines[start : start + _STEP]).shape[1]
        if count > most:
            return True
    return False


def _boxes(geometries: np.ndarray) -> np.ndarray:
    """The boxes of geometries, xywh; one without a size for an empty one."""
    bounds = np.nan_to_num(shapely.bounds(geometries)).reshape(-1, 4)
    return np.concatenate((bounds[:, :2], bounds[:, 2:] - bounds[:, :2]), axis=1)
