"""Keypoints in one colour: the lines between them, dots, or their numbers.

All draw into uint8 H×W×3 `canvas`. Keypoints are float K×3 (x, y, score) of one instance; those whose score is 0 or not
a number, and those outside of the picture, are left out.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from container.rendering.anchors import Point, label_corner
from container.rendering.palette import Color
from container.rendering.text import Style, fit


def draw_edges(
    canvas: np.ndarray, keypoints: np.ndarray, edges: Sequence[tuple[int, int]], color: Color, thickness: int
) -> None:
    """Draw lines between pairs of keypoints, which count from 0; numbers that there are not are passed over."""
    places = _places(canvas, keypoints)
    for a, b in edges:
        start, end = places.get(a), places.get(b)
        if start and end:
            cv2.line(canvas, start, end, color, thickness, cv2.LINE_AA)


def draw_dots(canvas: np.ndarray, keypoints: np.ndarray, color: Color, radius: int) -> None:
    """Draw a dot at every keypoint."""
    for place in _places(canvas, keypoints).values():
        cv2.circle(canvas, place, radius, color, cv2.FILLED, cv2.LINE_AA)


def draw_numbers(canvas: np.ndarray, keypoints: np.ndarray, color: Color, font_size: int, style: Style) -> None:
    """Write at every keypoint its number, which counts from 1, on a chip of the colour."""
    size = canvas.shape[0], canvas.shape[1]
    for i, place in _places(canvas, keypoints).items():
        chip = fit(str(i + 1), font_size, size, style)
        if chip:
            x, y = label_corner(np.array(place), (chip.height, chip.width), "CENTER", size)
            chip.draw(canvas, x, y, color)


def _places(canvas: np.ndarray, keypoints: np.ndarray) -> dict[int, Point]:
    height, width = canvas.shape[:2]
    return {
        i: (int(x), int(y))
        for i, (x, y, score) in enumerate(keypoints.tolist())
        if score > 0 and 0 <= x < width and 0 <= y < height
    }
