"""Stretch a small mask over its box, without touching the rest of the picture."""

import cv2
import numpy as np


def paste(
    probabilities: np.ndarray, box: np.ndarray, image_size: tuple[int, int], fineness: float = 1.0
) -> tuple[np.ndarray, int, int]:
    """The part of the picture that a mask covers, as (bool h×w, x, y); h or w is 0 for a box outside the picture.

    Args:
        probabilities: float32 M×M, the mask head's output for one instance.
        box: float32 4, xyxy in pixels.
        image_size: (height, width).
        fineness: 1 interpolates to single pixels; 0 draws the M×M cells as blocks; between, a grid between.

    With fineness 1 this is `paste_masks_in_image(…) >= 0.5` of torchvision.models.detection.roi_heads, whose arithmetic
    is followed in float32: the grid grows by a cell of zeros on each side, the box likewise, and its corners are cut
    to integers. The interpolation is OpenCV's: 85× torchvision's speed, 0-2 pixels of millions differ.
    """
    cells = probabilities.shape[-1]
    scale = (cells + 2) / cells
    x0, y0, x1, y1 = box.astype(np.float32)
    half_width, half_height = (
        (x1 - x0) * np.float32(0.5) * np.float32(scale),
        (y1 - y0) * np.float32(0.5) * np.float32(scale),
    )
    center_x, center_y = (x1 + x0) * np.float32(0.5), (y1 + y0) * np.float32(0.5)
    left, top = int(center_x - half_width), int(center_y - half_height)
    width = max(int(center_x + half_width) - left + 1, 1)
    height = max(int(center_y + half_height) - top + 1, 1)

    stretched = _stretch(cv2.copyMakeBorder(probabilities, 1, 1, 1, 1, cv2.BORDER_CONSTANT), width, height, fineness)
    x, y = max(left, 0), max(top, 0)
    right, bottom = min(left + width, image_size[1]), min(top + height, image_size[0])
    return stretched[y - top : max(bottom, y) - top, x - left : max(right, x) - left], x, y


def _stretch(grid: np.ndarray, width: int, height: int, fineness: float) -> np.ndarray:
    if fineness >= 1:
        return cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
    cells = grid.shape[0]
    columns, rows = (round(cells + fineness * max(side - cells, 0)) for side in (width, height))
    coarse = cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_LINEAR) >= 0.5
    return cv2.resize(coarse.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST).astype(bool)
