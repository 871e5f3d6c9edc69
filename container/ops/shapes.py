"""Rectangles and polygons around the outline of a bitmap; outlines are int32 N×2 of (x, y), N at least 3."""

from typing import NamedTuple

import cv2
import numpy as np

from container.ops.overlap import Placed

_STEPS = 60  # of halving an interval, after which it is as small as a float can tell


class Rectangle(NamedTuple):
    """A rectangle that may be turned."""

    corners: np.ndarray  # float32 4×2 of (x, y)
    width: float
    height: float
    angle: float  # degrees over 0 to 90 by which `width` is turned clockwise


def smallest_rectangle(outline: np.ndarray) -> Rectangle:
    """The rectangle with the least area around points."""
    found = cv2.minAreaRect(outline)
    _, (width, height), angle = found
    corners, angle = np.asarray(cv2.boxPoints(found)), angle % 180  # OpenCV 4 has 0 to 90, and OpenCV 5 -90 to 0
    if 0 < angle <= 90:
        return Rectangle(corners, float(width), float(height), float(angle))
    return Rectangle(corners, float(height), float(width), float((angle - 90) % 180))


def sides(outline: np.ndarray) -> tuple[float, float] | None:
    """The width and height of the smallest rectangle, its more level side first; None for points without an area."""
    if len(outline) < 3 or not cv2.contourArea(outline):
        return None
    corners = cv2.boxPoints(cv2.minAreaRect(outline))
    first, second = corners[1] - corners[0], corners[2] - corners[1]
    lengths = float(np.hypot(*first)), float(np.hypot(*second))
    level = abs(first[0]) * lengths[1] > abs(second[0]) * lengths[0]
    return lengths if level else lengths[::-1]


def filled_part(polygon: np.ndarray, size: tuple[int, int]) -> Placed:
    """The pixels in and on a polygon, int32 N×2, in a picture of `size` (height, width), as its part around them."""
    height, width = size
    left, top = np.clip(polygon.min(axis=0), 0, [width, height]).tolist()
    right, bottom = np.clip(polygon.max(axis=0) + 1, 0, [width, height]).tolist()
    part = np.zeros((max(bottom - top, 0), max(right - left, 0)), np.uint8)
    if part.size:
        cv2.fillPoly(part, [polygon - np.array([left, top], np.int32)], [1])
    return part.view(bool), left, top


def simplified(outline: np.ndarray, count: int) -> np.ndarray:
    """The convex hull of an outline with `count` vertices, or about as many where none has: int32 M×2."""
    hull = cv2.convexHull(outline, clockwise=True)
    polygon, low, high = hull, 0.0, float(cv2.arcLength(hull, True))
    for _ in range(_STEPS):
        if len(polygon) == count:
            break
        middle = (low + high) / 2
        polygon = cv2.approxPolyDP(hull, middle, True)
        low, high = (middle, high) if len(polygon) > count else (low, middle)
    return np.asarray(polygon[:, 0], np.int32)


def scaled(polygon: np.ndarray, ratio: float) -> np.ndarray:
    """A polygon that is `ratio` times as large around its centre of gravity; one without an area stays as it is."""
    moments = cv2.moments(polygon)
    if ratio == 1 or not moments["m00"]:
        return polygon
    center = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    return np.rint((polygon - center) * ratio + center).astype(np.int32)


def fitted(polygon: np.ndarray, outline: np.ndarray, fraction: float) -> np.ndarray:
    """A polygon whose sides lie in the middle of the outline's points along them: int32 M×2.

    Args:
        polygon: int32 M×2, some points of the outline.
        outline: int32 N×2.
        fraction: how many of the points along a side count, those around its middle; 0–1.

    A vertex is where two sides meet; where they do not meet close by, it stays.
    """
    places = sorted(int((outline == vertex).all(axis=1).argmax()) for vertex in polygon)
    lines = []
    for start, end in zip(places, places[1:] + places[:1], strict=True):
        along = outline[start : end + 1] if start <= end else np.concatenate([outline[start:], outline[: end + 1]])
        spare = (len(along) - max(round(len(along) * fraction), 2)) // 2
        points = along[max(spare, 0) : len(along) - max(spare, 0)].astype(np.float64)
        center = points.mean(axis=0)
        lines.append((center, np.linalg.svd(points - center, full_matrices=False)[2][0]))
    return np.array([_meeting(*lines[i - 1], *lines[i], outline[place]) for i, place in enumerate(places)], np.int32)


def _meeting(
    point: np.ndarray, along: np.ndarray, other: np.ndarray, other_along: np.ndarray, vertex: np.ndarray
) -> np.ndarray:
    """Where two lines, each through a point along a direction of length 1, meet near a vertex."""
    across = along[0] * other_along[1] - along[1] * other_along[0]
    if abs(across) < 0.05:  # an angle of 3 degrees
        return vertex
    gap = other - point
    return np.asarray(np.rint(point + along * (gap[0] * other_along[1] - gap[1] * other_along[0]) / across))
