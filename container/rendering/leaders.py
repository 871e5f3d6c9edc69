"""The line between a label and its object, where these lie apart."""

import math

import cv2
import numpy as np

from container.rendering.palette import Color

Rectangle = tuple[int, int, int, int]


def draw_leader(
    canvas: np.ndarray, chip: Rectangle, box: Rectangle, pixels: np.ndarray, boxed: bool, color: Color
) -> None:
    """Draw a line from a chip to its object into uint8 H×W×3 `canvas`, if half a chip's height lies between them.

    Args:
        chip: xyxy in whole pixels, as `box`.
        box: that of the object.
        pixels: some of the object's, int M×2 (x, y); where none are known, the box is the object.
        boxed: True if the box is drawn, so that a chip at the box is at its object.
    """
    height = chip[3] - chip[1]
    across = max(box[0] - chip[2], chip[0] - box[2], 0)
    down = max(box[1] - chip[3], chip[1] - box[3], 0)
    if (boxed or not len(pixels)) and math.hypot(across, down) < height / 2:
        return
    corner, other = np.array(chip[:2]), np.array(chip[2:]) - 1
    ends = pixels if len(pixels) else np.clip([(corner + other) // 2], box[:2], box[2:])
    distances = np.hypot(*(ends - np.clip(ends, corner, other)).T)
    if not boxed and distances.min() < height / 2:
        return
    end = ends[distances.argmin()]
    start = np.clip(end, corner, other)
    cv2.line(canvas, start.tolist(), end.tolist(), color, max(1, round(height / 12)), cv2.LINE_AA)
