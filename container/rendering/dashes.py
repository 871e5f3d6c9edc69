"""Dashed boxes around what is there and was not found: seen on any ground, and unlike any box of a detection."""

import cv2
import numpy as np

from container.rendering.palette import WHITE, Color
from container.rendering.text import font_size

RED: Color = (230, 0, 0)


def draw_dashed(canvas: np.ndarray, boxes: np.ndarray) -> None:
    """Draw N×4 xyxy boxes, in pixels and inside of it, into uint8 H×W×3 `canvas`, in red and white by turns."""
    letters = font_size(canvas.shape[:2])
    frames = np.zeros(canvas.shape[:2], np.uint8)
    for left, top, right, bottom in np.rint(boxes).astype(int).tolist():
        cv2.rectangle(frames, (left, top), (right - 1, bottom - 1), 1, max(2, letters // 5))
    rows, columns = np.nonzero(frames)
    red = (rows + columns) // letters % 2 == 0
    canvas[rows, columns] = np.where(red[:, None], RED, WHITE)
