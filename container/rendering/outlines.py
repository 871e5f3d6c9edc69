"""The line around a region."""

from collections.abc import Sequence

import cv2
import numpy as np

from container.cancellation import checkpoint
from container.rendering.palette import WHITE, Color
from container.rendering.regions import SMALL, Region

PIECE = 1000
SHARE = 0.25  # of a region that its outline may cover
HOLE = 0.001  # of a region; smaller holes in it get no line
_SHIFT = 3  # points are given to OpenCV in eighths of a pixel


def draw_outline(canvas: np.ndarray, region: Region, color: Color, width: int) -> None:
    """Draw the smoothed, antialiased borders of a region into uint8 H×W×3 `canvas`.

    The line of `width` pixels, odd, has a white core between two edges of `color`, so that it shows on the dark, on
    the bright and on its own colour. It is thinner where it would cover more than SHARE of the region, without a core
    from two pixels down. Around a small region it lies outside, on none of its pixels.
    """
    if max(region.crop.shape) < SMALL:
        _draw_around(canvas, region, color, max(1, min(width // 2, max(region.crop.shape) // 8)))
        return
    contours = _borders(region)
    length = sum(len(contour) for contour in contours)
    # Half of the line lies inside, so this is the width that covers SHARE.
    width = min(width, max(1, int(2 * SHARE * np.count_nonzero(region.crop) / max(length, 1))))
    _draw_cored(canvas, _smoothed(contours, 2 + width // 2), color, width, (width - 1) // 2)


def draw_wide_outline(canvas: np.ndarray, region: Region, color: Color, width: int) -> None:
    """Draw the outline exactly `width` pixels wide, with a core of half of that in regions that are large enough."""
    core = width // 2
    fits = max(region.crop.shape) >= 24 * core
    _draw_cored(canvas, _smoothed(_borders(region), 2 + core), color, width, core if fits else 0)


def draw_border(canvas: np.ndarray, region: Region, color: Color, width: int) -> None:
    """Draw the smoothed, antialiased borders of a region into uint8 H×W×3 `canvas` in one colour."""
    _draw(canvas, _lines(region, 2), color, width)


def _lines(region: Region, reach: int) -> list[np.ndarray]:
    contours, _ = cv2.findContours(region.crop, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE, offset=(region.x, region.y))
    return _smoothed(contours, reach)


def _smoothed(contours: Sequence[np.ndarray], reach: int) -> list[np.ndarray]:
    return [_line(contour[:, 0], reach) for contour in contours]


def _borders(region: Region) -> list[np.ndarray]:
    """The contours of a region's parts and of its holes, without those that are smaller than HOLE."""
    place = region.x, region.y
    contours, tree = cv2.findContours(region.crop, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=place)
    if len(contours) < 2:
        return list(contours)
    least = HOLE * np.count_nonzero(region.crop)
    return [
        contour
        for contour, (_, _, _, parent) in zip(contours, tree[0].tolist(), strict=True)
        if parent < 0 or _inside(contour) >= least
    ]


def _inside(contour: np.ndarray) -> float:
    """The pixels within a hole's contour, which runs over the pixels around it: Pick's theorem."""
    return cv2.contourArea(contour) - len(contour) / 2 + 1


def _draw_cored(canvas: np.ndarray, lines: list[np.ndarray], color: Color, width: int, core: int) -> None:
    _draw(canvas, lines, color, width)
    if core:
        _draw(canvas, lines, WHITE, core)


def _draw_around(canvas: np.ndarray, region: Region, color: Color, width: int) -> None:
    """Colour the pixels up to `width` from a region, holes left out."""
    contours, _ = cv2.findContours(region.crop, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(width, width))
    height, columns = (side + 2 * width for side in region.crop.shape)
    solid = np.zeros((height, columns), np.uint8)
    cv2.drawContours(solid, contours, -1, 1, cv2.FILLED)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    ring = cv2.dilate(solid, kernel) - solid
    left, top = region.x - width, region.y - width
    part = canvas[max(top, 0) : top + height, max(left, 0) : left + columns]
    where = ring[max(-top, 0) :, max(-left, 0) :][: part.shape[0], : part.shape[1]]
    part[where.view(bool)] = color


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
