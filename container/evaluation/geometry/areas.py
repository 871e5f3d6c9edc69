"""The areas that polygons share, out of their edges alone.

A polygon is what lies below its upper edges less what lies below its lower ones. So what two polygons share is a sum
over pairs of edges: what lies below both, added where both are upper or both lower, else subtracted. No points where
edges cross are looked for, so that edges that nearly lie on each other do no harm. GEOS's own intersection of valid
polygons was once four times too large because a corner was rounded to the wrong side of an edge. On a grid it is right
and takes 110 µs a pair of 20 corners, without one 15, this 5.
"""

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np
import shapely

from container.evaluation.geometry.boxes import TooManyPairs

_MAX_EDGES = 10_000_000_000  # pairs of edges, over all pairs of polygons of one image: minutes
_VERTICAL = 1e-200  # width of an edge whose slope may overflow
_CHUNK = 2**20  # pairs of edges that are compared at once


class Edges(NamedTuple):
    """The E edges of N polygons, but for vertical ones, below which there is nothing; in the order of the polygons."""

    left: np.ndarray  # float64 E, x of the left end
    right: np.ndarray  # float64 E
    height: np.ndarray  # float64 E, y of the left end
    slope: np.ndarray  # float64 E
    sign: np.ndarray  # float64 E, 1 where the polygon lies below, else -1
    starts: np.ndarray  # int64 N + 1, where the edges of each polygon begin, and the end

    @classmethod
    def of(cls, polygons: np.ndarray) -> Self:
        """The edges of N valid polygons, some of which may have several parts and holes."""
        parts, polygon = shapely.get_parts(shapely.orient_polygons(polygons), return_index=True)
        rings, part = shapely.get_rings(parts, return_index=True)
        points, ring = shapely.get_coordinates(rings, return_index=True)
        kept = (ring[:-1] == ring[1:]) & (np.abs(points[:-1, 0] - points[1:, 0]) > _VERTICAL)
        first, second = points[:-1][kept], points[1:][kept]
        to_left = second[:, 0] < first[:, 0]  # the inside is on the left of an edge
        start, end = np.where(to_left[:, None], (second, first), (first, second))
        counts = np.bincount(polygon[part[ring[:-1][kept]]], minlength=len(polygons))
        return cls(
            start[:, 0],
            end[:, 0],
            start[:, 1],
            (end[:, 1] - start[:, 1]) / (end[:, 0] - start[:, 0]),
            np.where(to_left, 1.0, -1.0),
            np.concatenate(([0], np.cumsum(counts))),
        )


def shared_areas(found: np.ndarray, truth: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The areas that pairs of valid polygons share; float64 P.

    Args:
        found: N geometries.
        truth: M geometries.
        one: int64 P, places in `found`, in order.
        other: int64 P, places in `truth`.

    Raises:
        TooManyPairs: the pairs have over 10,000,000,000 pairs of edges.
    """
    first, second = Edges.of(found), Edges.of(truth)
    counts = np.diff(second.starts)[other]
    if (np.diff(first.starts)[one] * counts).sum() > _MAX_EDGES:
        raise TooManyPairs(f"polygons of one image that overlap have over {_MAX_EDGES:,} pairs of edges")
    areas = np.zeros(len(one))
    bounds = np.searchsorted(one, np.arange(len(found) + 1)).tolist()
    for place, (start, end) in enumerate(zip(bounds[:-1], bounds[1:], strict=True)):
        if start < end:
            owner = np.repeat(np.arange(start, end), counts[start:end])
            begins = second.starts[other[start:end]] - np.cumsum(counts[start:end]) + counts[start:end]
            edges = np.arange(len(owner)) + np.repeat(begins, counts[start:end])
            own = np.arange(first.starts[place], first.starts[place + 1])
            for i, j in _above_each_other(first, own, second, edges):
                below = _below_both(first, own[i], second, edges[j])
                areas[start:end] += np.bincount(owner[j] - start, below, end - start)
    return areas


def _above_each_other(
    first: Edges, own: np.ndarray, second: Edges, edges: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places in `own` and in `edges` of edges that have an x in common."""
    left, right = second.left[edges], second.right[edges]
    size = max(_CHUNK // max(len(edges), 1), 1)
    for start in range(0, len(own), size):
        part = own[start : start + size, None]
        i, j = np.nonzero((first.left[part] < right) & (left < first.right[part]))
        yield i + start, j


def _below_both(first: Edges, one: np.ndarray, second: Edges, other: np.ndarray) -> np.ndarray:
    """The areas below both of two edges, with their sign, down to a level that cancels in the sum."""
    level = first.height[one[:1]]
    left = np.maximum(first.left[one], second.left[other])
    width = np.minimum(first.right[one], second.right[other]) - left
    slope, other_slope = first.slope[one], second.slope[other]
    height = first.height[one] - level + (left - first.left[one]) * slope
    other_height = second.height[other] - level + (left - second.left[other]) * other_slope
    # The lower of two lines is their mean less half of what is between them.
    before = height - other_height
    after = before + width * (slope - other_slope)
    crossing = before * after < 0
    sum_ = np.abs(before) + np.abs(after)
    between = np.where(crossing, (before**2 + after**2) / np.where(crossing, sum_, 1), sum_) / 4
    mean = (height + other_height + width * (slope + other_slope) / 2) / 2
    return np.asarray(first.sign[one] * second.sign[other] * width * (mean - between))
