"""IoU of polygons by their exact areas; of rings that cross themselves the inside is even-odd."""

from collections.abc import Sequence

import numpy as np
import shapely

from container.evaluation.geometry.boxes import Overlap, TooManyPairs, meeting

ROUNDING = 1e-12  # an IoU below is that of neighbours whose common edge is rounded
FARTHEST = 2.0**40  # from 0, of a corner; a picture has fewer than 2^34 pixels
# GEOS takes 15 µs for each point where a ring crosses itself, 8 µs for one where two polygons cross, 1 µs for others.
_OWN_CROSSINGS = 20_000  # of a ring
_CROSSINGS = 100_000  # of two polygons
_MAX_POINTS = 100_000_000  # of all pairs of one image, and of what they share
_CHUNK = 2**20  # points that are handled at once
_STEP = 64  # edges that a tree is asked for at once


def polygon_overlaps(found: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> tuple[Overlap, list[int], list[int]]:
    """The overlaps of rings, each float64 K×2 of (x, y), closed or not.

    Returns:
        The overlaps, and the places of predictions and of truth that match nothing: they have no area, a corner is
        farther away than FARTHEST, or they may cross themselves over 20,000 times.

    Raises:
        TooManyPairs: the boxes of over MAX_PAIRS overlap, two polygons may cross 100,000 times, or all pairs together
            have over 100,000,000 points.
    """
    seen, known = _polygons(found), _polygons(truth)
    first, second = shapely.area(seen), shapely.area(known)
    one, other = meeting(_boxes(seen), _boxes(known))
    both = np.minimum(shared_areas(seen, known, one, other), np.minimum(first[one], second[other]))
    iou = both / (first[one] + second[other] - both)
    kept = iou > ROUNDING
    overlap = Overlap(one[kept], other[kept], iou[kept])
    return overlap, np.flatnonzero(first == 0).tolist(), np.flatnonzero(second == 0).tolist()


def shared_areas(found: np.ndarray, truth: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The areas that pairs of valid polygons share; float64 P.

    Args:
        found: N geometries.
        truth: M geometries.
        one: int64 P, places in `found`.
        other: int64 P, places in `truth`.
    """
    first = shapely.get_num_coordinates(found).astype(np.int64)[one]
    second = shapely.get_num_coordinates(truth).astype(np.int64)[other]
    for place in np.flatnonzero(first * second > _CROSSINGS).tolist():
        if _meetings(_edges(found[one[place]]), _edges(truth[other[place]]), _CROSSINGS) > _CROSSINGS:
            raise TooManyPairs(f"two polygons of one image cross in over {_CROSSINGS:,} places")
    ends = np.cumsum(first + second)
    points = int(ends[-1]) if len(ends) else 0
    areas = []
    for part in np.split(np.arange(len(one)), np.flatnonzero(np.diff(ends // _CHUNK)) + 1):
        if points > _MAX_POINTS:
            raise TooManyPairs(f"polygons of one image that overlap have over {_MAX_POINTS:,} points")
        shared = shapely.intersection(found[one[part]], truth[other[part]])
        areas.append(shapely.area(shared))
        points += int(shapely.get_num_coordinates(shared).sum())
    return np.concatenate(areas)


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
    for place in np.flatnonzero(~shapely.is_valid(made)).tolist():
        made[place] = _even_odd(points[ring == place])
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
    """What lies inside of a ring that crosses or touches itself.

    shapely's make_valid does another thing where edges lie on each other: it fills what a ring goes around twice.
    """
    starts, ends = ring, np.roll(ring, -1, axis=0)
    edges = np.concatenate((starts, ends), axis=1)
    # Each edge meets itself and its two neighbours; others are counted from both sides.
    most = 2 * _OWN_CROSSINGS + 3 * len(ring)
    if len(ring) ** 2 > most and _meetings(edges, edges, most) > most:
        return shapely.Polygon()
    lines = shapely.unary_union(shapely.linestrings(np.concatenate((ring, ring[:1]))))
    faces = shapely.get_parts(shapely.polygonize([lines]))
    inside = _inside(shapely.get_coordinates(shapely.point_on_surface(faces)), starts, ends)
    return shapely.union_all(faces[inside])


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


def _edges(geometry: shapely.Geometry) -> np.ndarray:
    """The edges of all rings of a geometry, N×4 of both ends."""
    points, ring = shapely.get_coordinates(shapely.get_rings(geometry), return_index=True)
    edges = np.concatenate((points[:-1], points[1:]), axis=1)
    return np.asarray(edges[ring[:-1] == ring[1:]])


def _meetings(one: np.ndarray, other: np.ndarray, most: int) -> int:
    """How many pairs of edges, N×4 and M×4 of both ends, have boxes that meet; counted until they are over `most`."""
    tree = shapely.STRtree(_lines(other))
    total = 0
    for start in range(0, len(one), _STEP):
        total += tree.query(_lines(one[start : start + _STEP])).shape[1]
        if total > most:
            break
    return total


def _lines(edges: np.ndarray) -> np.ndarray:
    return np.asarray(shapely.linestrings(edges.reshape(-1, 2, 2)))


def _boxes(geometries: np.ndarray) -> np.ndarray:
    """The boxes of geometries, xywh; one without a size for an empty one."""
    bounds = np.nan_to_num(shapely.bounds(geometries)).reshape(-1, 4)
    return np.concatenate((bounds[:, :2], bounds[:, 2:] - bounds[:, :2]), axis=1)
