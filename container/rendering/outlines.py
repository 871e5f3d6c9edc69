"""The line around a region."""

import cv2
import numpy as np

from container.cancellation import checkpoint
from container.rendering.palette import WHITE, Color
from container.rendering.regions import Region

PIECE = 1000
_SHIFT = 3  # points are given to OpenCV in eighths of a pixel


def draw_outline(canvas: np.ndarray, region: Region, color: Color, width: int, core: int, small: int) -> None:
    """Draw the smoothed, antialiased borders of a region into uint8 H×W×3 `canvas`.

    The line of `width` pixels has a white core between two edges of `color`, so that it shows on the dark, on the
    bright and on its own colour. A region too small for that gets a plain one of `small` pixels.
    """
    lines = _lines(region, 2 + core)
    if max(region.crop.shape) < 24 * core:
        _draw(canvas, lines, color, small)
        return
    _draw(canvas, lines, color, width)
    if core:
        _draw(canvas, lines, WHITE, core)


def draw_border(canvas: np.ndarray, region: Region, color: Color, width: int) -> None:
    """Draw the smoothed, antialiased borders of a region into uint8 H×W×3 `canvas` in one colour."""
    _draw(canvas, _lines(region, 2), color, width)


def _lines(region: Region, reach: int) -> list[np.ndarray]:
    contours, _ = cv2.findContours(region.crop, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE, offset=(region.x, region.y))
    return [_line(contour[:, 0], reach) for contour in contours]


def _draw(canvas: np.ndarray, lines: list[np.ndarray], color: Color, width: int) -> None:
    """Draw closed lines, with a checkpoint of cancellation after every PIECE of them.

    A map of noise at 1080p has 31,000 lines a class, which take 0.6 s at the usual width and 3 s at 100 pixels.
    """
    for start in range(0, len(lines), PIECE):
        if start:
            checkpoint()
        cv2.polylines(canvas, lines[start : start + PIECE], True, color, width, cv2.LINE_AA, _SHIFT)


def _line(points: np.ndarray, reach: int) -> np.ndarray:
    """What OpenCV draws for a contour: smoothed, and without points that move it by less than a quarter of a pixel.

    Each point left out saves its share of the drawing, which is most of an overlay: 104 ms of 160 became 84 with 100
    masks at 1080p.
    """
    line = np.rint(_smooth(points, reach) * (1 << _SHIFT)).astype(np.int32)
    return np.asarray(cv2.approxPolyDP(line[:, None], (1 << _SHIFT) / 4, True))


def _smooth(points: np.ndarray, reach: int) -> np.ndarray:
    """Means over `reach` points to each side, at every `reach`-th point: a staircase of pixels becomes a slope."""
    window = 2 * reach + 1
    if len(points) < 2 * window:
        return points
    around = np.concatenate([points[-reach:], points, points[:reach]])
    sums = np.cumsum(np.concatenate([np.zeros((1, 2)), around]), axis=0)
    return np.asarray((sums[window:] - sums[:-window])[::reach] / window)
