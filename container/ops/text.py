"""Quadrilaterals around text: found in a map of probabilities, put into reading order, and cut out of a picture.

A quadrilateral is float32 4×2 of (x, y): the corners clockwise from the one where its text begins.
"""

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from container.cancellation import checkpoint

LEAST = 0.3  # probability of a pixel of text
LEAST_MEAN = 0.5  # in a quadrilateral
MAX_FOUND = 1000  # quadrilaterals in one picture
_SHORTEST = 3.0  # side in pixels of the map
_GROWTH = 1.6  # maps show the middle of text: times area by circumference that a quadrilateral grows on each side
_TALL = 1.5  # times its width that a quadrilateral is high if its text runs downwards
_CENTRE = np.float32(0.5)  # of a pixel, which has whole numbers for OpenCV
_SAME_LINE = 0.5  # times the height of a line that the middles of its parts lie apart


def framed(pixels: np.ndarray, width: int) -> np.ndarray:
    """Uint8 H×W×3 pixels with `width` more on each side, in the usual colour of the edge."""
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = np.median(edge, axis=0).tolist()
    return cv2.copyMakeBorder(pixels, width, width, width, width, cv2.BORDER_CONSTANT, value=colour)


def fitted(pixels: np.ndarray, shortest: int, longest: int, step: int) -> tuple[np.ndarray, float]:
    """Uint8 H×W×3 pixels with sides that are multiples of `step`, and how many times as large as before.

    The shorter side has at least `shortest` pixels, unless the longer one had over `longest` then; what is added at the
    right and below continues the edge.
    """
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale > 1:
        scale = min(scale, max(1.0, shortest / min(height, width)))
    new_height, new_width = (max(1, round(side * scale)) for side in (height, width))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(pixels, (new_width, new_height), interpolation=method)
    below, right = (-side % step for side in (new_height, new_width))
    return cv2.copyMakeBorder(resized, 0, below, 0, right, cv2.BORDER_REPLICATE), scale


def quadrilaterals(probabilities: np.ndarray) -> list[np.ndarray]:
    """The smallest rectangles around text in a float32 H×W map, grown to the height of its letters."""
    mask = cv2.dilate((probabilities > LEAST).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours[:MAX_FOUND]:
        checkpoint()
        middle, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < _SHORTEST or _mean(probabilities, contour) < LEAST_MEAN:
            continue
        grown = _GROWTH * width * height / (width + height)
        found.append(_ordered(cv2.boxPoints((middle, (width + grown, height + grown), angle))))
    return found


def _mean(probabilities: np.ndarray, contour: np.ndarray) -> float:
    """The mean probability in the smallest rectangle around a contour."""
    corners = np.asarray(cv2.boxPoints(cv2.minAreaRect(contour)))
    left, top = np.floor(corners.min(axis=0)).astype(int).clip(0)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 1
    part = probabilities[top:bottom, left:right]
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(mask, [(corners - np.array([left, top])).astype(np.int32)], [1])
    return float(cv2.mean(part, mask)[0])


def _ordered(corners: np.ndarray) -> np.ndarray:
    """The corners of a rectangle from the top left one on, or from the top right one if its text runs downwards."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = (half[np.argsort(half[:, 1], kind="stable")] for half in (by_x[:2], by_x[2:]))
    quadrilateral = np.array([left[0], right[0], right[1], left[1]], np.float32)
    width, height = size(quadrilateral)
    return np.roll(quadrilateral, -1, axis=0) if height >= _TALL * width else quadrilateral


def size(quadrilateral: np.ndarray) -> tuple[float, float]:
    """The width and the height of a quadrilateral in pixels, as its text runs."""
    first, second, third, fourth = quadrilateral
    width = max(np.linalg.norm(second - first), np.linalg.norm(third - fourth))
    return float(width), float(max(np.linalg.norm(fourth - first), np.linalg.norm(third - second)))


def turned(quadrilateral: np.ndarray) -> np.ndarray:
    """The same for text that is upside down."""
    return np.roll(quadrilateral, 2, axis=0)


def beginning(quadrilateral: np.ndarray, most: float) -> np.ndarray:
    """The left part of a quadrilateral, at most `most` times as wide as it is high."""
    width, height = size(quadrilateral)
    first, second, third, fourth = quadrilateral
    part = min(1.0, most * height / max(width, 1e-6))
    return np.array([first, first + part * (second - first), fourth + part * (third - fourth), fourth], np.float32)


def in_lines(quadrilaterals: Sequence[np.ndarray]) -> list[list[int]]:
    """The indices of quadrilaterals in reading order: those of a line beside each other, line after line.

    Lines run as most of the text does, whichever way the picture is turned.
    """
    if not len(quadrilaterals):
        return []
    level = np.asarray(quadrilaterals) @ _levelling(np.asarray(quadrilaterals))
    (across, down), heights = level.mean(axis=1).T, np.ptp(level[:, :, 1], axis=1)
    lines: list[list[int]] = []
    for i in np.argsort(down, kind="stable").tolist():
        last = lines[-1][-1] if lines else i
        if lines and down[i] - down[last] < _SAME_LINE * min(heights[i], heights[last]):
            lines[-1].append(i)
        else:
            lines.append([i])
    return [sorted(line, key=lambda i: float(across[i])) for line in lines]


def _levelling(quadrilaterals: np.ndarray) -> np.ndarray:
    """The matrix by which (x, y) are multiplied so that the text of quadrilaterals runs from left to right."""
    run = (quadrilaterals[:, 1] - quadrilaterals[:, 0]).sum(axis=0)
    length = float(np.linalg.norm(run))
    cosine, sine = run / length if length else (1.0, 0.0)
    return np.array([[cosine, -sine], [sine, cosine]])


def cut(pixels: np.ndarray, quadrilateral: np.ndarray, height: int, max_width: int) -> np.ndarray:
    """The part of uint8 H×W×3 pixels in a quadrilateral, uint8 `height`×w×3, its text from left to right.

    Text that would be wider than `max_width` pixels is narrower than it is in the picture.
    """
    across, down = (max(1, round(side)) for side in size(quadrilateral))
    corners = np.array([[0, 0], [across, 0], [across, down], [0, down]], np.float32)
    matrix = cv2.getPerspectiveTransform(quadrilateral - _CENTRE, corners - _CENTRE)
    part = cv2.warpPerspective(pixels, matrix, (across, down), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    width = min(max(1, round(across * height / down)), max_width)
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA if down > height else cv2.INTER_LINEAR)


def spans(text: str, columns: Sequence[int], count: int) -> list[tuple[int, int, float, float]]:
    """The words of a line: indices of the first character and the one after the last, and from where to where they go.

    `columns` has the column of each character, of `count`; the places are fractions of the line.
    """
    ends = [-1, *(i for i, character in enumerate(text) if character.isspace()), len(text)]
    reach = _advance(columns, count) / 2
    found = []
    for before, after in pairwise(ends):
        if after > before + 1:
            first, last = columns[before + 1] + 0.5, columns[after - 1] + 0.5
            found.append((before + 1, after, max(0.0, (first - reach) / count), min(1.0, (last + reach) / count)))
    return found


def _advance(columns: Sequence[int], count: int) -> float:
    """The usual number of columns from a character to the next."""
    return float(np.median(np.diff(columns))) if len(columns) > 1 else count * 0.8


def box(quadrilateral: np.ndarray, start: float, end: float) -> tuple[float, float, float, float]:
    """The left, top, right and bottom of a part of a quadrilateral, from and to fractions of its width."""
    first, second, third, fourth = quadrilateral
    across = [corner + fraction * (other - corner) for corner, other in ((first, second), (fourth, third))
              for fraction in (start, end)]  # fmt: skip
    left, top = np.min(across, axis=0).tolist()
    right, bottom = np.max(across, axis=0).tolist()
    return left, top, right, bottom
