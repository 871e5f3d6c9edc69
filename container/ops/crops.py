"""Parts of a picture at the size that a network takes."""

import math
from collections.abc import Sequence

import cv2
import numpy as np


def scaled(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 h×w×C pixels at `size` (height, width): averaged over areas where it is smaller, else bilinear.

    Of much larger pictures some pixels are left out: 12 megapixels took 22 ms in place of 2.
    """
    twice = (2 * size[1], 2 * size[0])
    if pixels.shape[0] > twice[1] and pixels.shape[1] > twice[0]:
        pixels = cv2.resize(pixels, twice, interpolation=cv2.INTER_LINEAR)
    smaller = pixels.shape[0] > size[0] or pixels.shape[1] > size[1]
    return np.asarray(cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR))


def square(
    pixels: np.ndarray, centre: Sequence[float] | np.ndarray, side: float, size: int, degrees: float = 0.0
) -> np.ndarray:
    """A square part of uint8 H×W×C pixels as uint8 size×size×C; outside of the picture its edge goes on.

    Args:
        pixels: of the whole picture.
        centre: (x, y), where (0, 0) is the corner of the first pixel.
        side: of the square in pixels of the picture.
        size: of what is returned.
        degrees: by which the part is turned counterclockwise around its centre.
    """
    (x, y), reach = centre, side * math.sqrt(0.5)  # half the diagonal
    left, right = (int(np.clip(math.floor(one), 0, pixels.shape[1] - 1)) for one in (x - reach, x + reach))
    top, bottom = (int(np.clip(math.floor(one), 0, pixels.shape[0] - 1)) for one in (y - reach, y + reach))
    part = pixels[top : bottom + 1, left : right + 1]
    height, width = (max(1, round(one * min(1.0, size / side))) for one in part.shape[:2])
    scale_x, scale_y = width / part.shape[1], height / part.shape[0]
    # From pixels of what is returned to those of the part; centres of pixels are at whole numbers for OpenCV.
    step, angle = side / size, math.radians(degrees)
    turn = step * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    origin = np.array([x - left, y - top]) - turn @ np.full(2, (size - 1) / 2)
    scale = np.array([scale_x, scale_y])
    to_part = np.column_stack([scale[:, None] * turn, scale * origin - 0.5])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    small = scaled(part, (height, width)) if (height, width) != part.shape[:2] else part
    return np.asarray(cv2.warpAffine(small, to_part, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE))
