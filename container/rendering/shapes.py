"""Shapes that mark where an instance is: boxes, corners, circles, ellipses, dots and triangles.

All draw into uint8 H×W×3 `canvas`; boxes are float xyxy in pixels, may lie partly or wholly outside of it and may be
empty. Widths of lines are whole pixels of 1 or more.
"""

import cv2
import numpy as np

from container.rendering.palette import BLACK, Color

_SHIFT = 3  # points of round shapes are given to OpenCV in eighths of a pixel


def draw_box(canvas: np.ndarray, box: np.ndarray, color: Color, thickness: int, roundness: float = 0.0) -> None:
    """Draw a box; its corners are arcs whose radius is the share `roundness` of half its shorter side."""
    left, top, right, bottom = _clipped(canvas, box, thickness)
    radius = round(roundness * min(right - 1 - left, bottom - 1 - top) / 2)
    if radius < 1:
        cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), color, thickness)
        return
    centers = [(x, y) for y in (top + radius, bottom - 1 - radius) for x in (left + radius, right - 1 - radius)]
    corners = [(centers[0], 180), (centers[1], 270), (centers[3], 0), (centers[2], 90)]  # clockwise
    arcs = [_arc(center, (radius, radius), start, start + 90) for center, start in corners]
    _draw_lines(canvas, np.concatenate(arcs), True, color, thickness)


def draw_corners(canvas: np.ndarray, box: np.ndarray, color: Color, thickness: int, length: int) -> None:
    """Draw the four corners of a box with arms of `length` pixels, which end at the middle of a side."""
    left, top, right, bottom = _clipped(canvas, box, thickness)
    right, bottom = max(left, right - 1), max(top, bottom - 1)
    across, down = min(length, (right - left) // 2), min(length, (bottom - top) // 2)
    for x, to_x in ((left, left + across), (right, right - across)):
        for y, to_y in ((top, top + down), (bottom, bottom - down)):
            cv2.polylines(canvas, [np.array([(to_x, y), (x, y), (x, to_y)])], False, color, thickness)


def draw_circle(canvas: np.ndarray, box: np.ndarray, color: Color, thickness: int) -> None:
    """Draw the circle through the corners of a box."""
    left, top, right, bottom = _clipped(canvas, box, thickness)
    radius = float(np.hypot(right - left, bottom - top)) / 2
    circle = _arc(((left + right) / 2, (top + bottom) / 2), (radius, radius), 0, 360)
    _draw_lines(canvas, circle, True, color, thickness)


def draw_ellipse(canvas: np.ndarray, box: np.ndarray, color: Color, thickness: int, start: int, end: int) -> None:
    """Draw an arc around the foot of a box, as wide as two boxes, from one angle to the other.

    Degrees count clockwise from the right.
    """
    left, _, right, bottom = _clipped(canvas, box, thickness)
    width = right - left
    arc = _arc(((left + right) / 2, bottom), (width, 0.35 * width), start, end)
    _draw_lines(canvas, arc, False, color, thickness)


def draw_dot(canvas: np.ndarray, point: np.ndarray, color: Color, radius: int, outline: int) -> None:
    """Draw a dot at a point (x, y) with a black outline of so many pixels, 0 for none."""
    x, y = _reachable(canvas, point, radius + outline)
    cv2.circle(canvas, (x, y), radius, color, cv2.FILLED, cv2.LINE_AA)
    if outline:
        cv2.circle(canvas, (x, y), radius, BLACK, outline, cv2.LINE_AA)


def draw_triangle(canvas: np.ndarray, point: np.ndarray, color: Color, base: int, height: int, outline: int) -> None:
    """Draw a triangle that points down at (x, y), with a black outline of so many pixels, 0 for none."""
    x, y = _reachable(canvas, point, base + height + outline)
    corners = np.array([(x - base / 2, y - height), (x + base / 2, y - height), (x, y)])
    scaled = np.rint(corners * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(canvas, [scaled], color, cv2.LINE_AA, _SHIFT)
    if outline:
        cv2.polylines(canvas, [scaled], True, BLACK, outline, cv2.LINE_AA, _SHIFT)


def _arc(center: tuple[float, float], axes: tuple[float, float], start: int, end: int) -> np.ndarray:
    """Float N×2 points of a part of an ellipse, at most 2 degrees from each other."""
    angles = np.deg2rad(np.linspace(start, end, 2 + abs(end - start) // 2))
    return np.stack([center[0] + axes[0] * np.cos(angles), center[1] + axes[1] * np.sin(angles)], axis=1)


def _draw_lines(canvas: np.ndarray, points: np.ndarray, closed: bool, color: Color, thickness: int) -> None:
    scaled = np.rint(points * (1 << _SHIFT)).astype(np.int32)
    cv2.polylines(canvas, [scaled], closed, color, thickness, cv2.LINE_AA, _SHIFT)


def _clipped(canvas: np.ndarray, box: np.ndarray, thickness: int) -> tuple[int, int, int, int]:
    """Whole pixels; OpenCV takes no corner of any distance, and a side out of sight must stay so."""
    height, width = canvas.shape[:2]
    outside = 2 * thickness
    low, high = [-outside, -outside] * 2, [width + outside, height + outside] * 2
    left, top, right, bottom = np.clip(np.rint(box), low, high).astype(int).tolist()
    return left, top, right, bottom


def _reachable(canvas: np.ndarray, point: np.ndarray, reach: int) -> tuple[int, int]:
    height, width = canvas.shape[:2]
    x, y = np.clip(np.rint(point), -2 * reach - 1, [width + 2 * reach, height + 2 * reach]).astype(int).tolist()
    return x, y
