"""Areas of a picture under a colour: instances, boxes, and what is outside of them.

All draw into uint8 H×W×3 `canvas` and take an opacity of 0 to 1.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from container.cancellation import checkpoint
from container.rendering.palette import Color
from container.rendering.regions import covered, owners
from container.structures import Instances
from container.structures.masks import tight_box

BAND = 256  # rows that are worked on at a time: copies of whole pictures would take 36 MB each at 12 megapixels


def blend_table(color: Color, opacity: float) -> np.ndarray:
    """uint8 256×1×3: what each value of each channel becomes under `color`."""
    values = np.arange(256)[:, None, None] * (1 - opacity) + np.array(color) * opacity
    return np.rint(values).astype(np.uint8)


def fill_regions(canvas: np.ndarray, instances: Instances, colors: Sequence[Color], opacity: float) -> None:
    """Blend a colour into the pixels of each of N instances; where some overlap, only the smallest one's shows."""
    numbers = owners(instances)
    table = np.array([(0, 0, 0), *colors], np.uint8)
    for rows in bands(len(canvas)):
        left, _, right, _ = tight_box(numbers[rows] > 0)
        if right:
            own, part = numbers[rows, left:right], canvas[rows, left:right]
            blended = cv2.addWeighted(part, 1 - opacity, np.take(table, own, axis=0), opacity, 0)
            cv2.copyTo(blended, (own > 0).view(np.uint8), part)


def fill_outside(canvas: np.ndarray, instances: Instances, color: Color, opacity: float) -> None:
    """Blend a colour into all pixels that no instance covers."""
    _blend_where(canvas, 1 - covered(instances), color, opacity)


def fill_differences(
    canvas: np.ndarray, one: Instances, other: Instances, colors: tuple[Color, Color, Color], opacity: float
) -> None:
    """Blend colours into what only `one` covers, what only `other` covers, and what neither does, in this order."""
    first, second = covered(one), covered(other)
    for where, color in zip((first & (1 - second), second & (1 - first), 1 - (first | second)), colors, strict=True):
        _blend_where(canvas, where, color, opacity)


def bands(height: int) -> Iterator[slice]:
    """Return the rows of a picture in parts of BAND; before each is a checkpoint of cancellation."""
    for top in range(0, height, BAND):
        checkpoint()
        yield slice(top, min(top + BAND, height))


def _blend_where(canvas: np.ndarray, where: np.ndarray, color: Color, opacity: float) -> None:
    table = blend_table(color, opacity)
    for rows in bands(len(canvas)):
        cv2.copyTo(cv2.LUT(canvas[rows], table), where[rows], canvas[rows])
