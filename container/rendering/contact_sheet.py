"""Many pictures side by side in one, each with a caption."""

from collections.abc import Sequence

import cv2
import numpy as np

from container.rendering.palette import WHITE
from container.rendering.text import fit

MARGIN = 6  # pixels around every cell
LETTERS = 13  # pixels
CAPTION = 20  # pixels of height


def contact_sheet(
    pictures: Sequence[np.ndarray], captions: Sequence[str], columns: int, cell: tuple[int, int]
) -> np.ndarray:
    """uint8 H×W×3 RGB: rows of `columns` pictures on white, their captions below them.

    Args:
        pictures: uint8 h×w×3 RGB of any sizes, at least one; each is scaled to fit its cell and lies in its middle.
        captions: one a picture, cut where they are too long.
        cell: (height, width) in pixels, without the caption.
    """
    height, width = cell[0] + CAPTION + MARGIN, cell[1] + MARGIN
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * height + MARGIN, min(columns, len(pictures)) * width + MARGIN, 3), 255, np.uint8)
    for i, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        top, left = MARGIN + i // columns * height, MARGIN + i % columns * width
        _put(sheet[top : top + cell[0], left : left + cell[1]], picture)
        if chip := fit(caption, LETTERS, (CAPTION, cell[1])):
            chip.draw(sheet, left + (cell[1] - chip.width) // 2, top + cell[0], WHITE)
    return sheet


def _put(place: np.ndarray, picture: np.ndarray) -> None:
    (height, width), (room_y, room_x) = picture.shape[:2], place.shape[:2]
    scale = min(room_y / height, room_x / width)
    shown = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, shown, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (room_y - shown[1]) // 2, (room_x - shown[0]) // 2
    place[top : top + shown[1], left : left + shown[0]] = small
