"""What was found, cut out of the picture piece by piece, on a sheet with captions."""

import math

import cv2
import numpy as np

from container.cancellation import checkpoint
from container.rendering.contact_sheet import contact_sheet
from container.rendering.palette import WHITE
from container.rendering.regions import visible
from container.structures import Instances

MOST = 100  # pieces of one sheet
CELL = 240  # pixels of a piece's longer side at the most
MARGIN = 0.05  # of a box, on each side of it


def crops(pixels: np.ndarray, instances: Instances) -> np.ndarray:
    """uint8 H×W×3: the boxes of uint8 H×W×3 `pixels`, best first, each with its number, name and score below it.

    Pieces are scaled to fit squares as large as the largest of them, CELL at the most, in rows about as wide as high.
    Of more than MOST instances, the last caption says how many are left out.
    """
    pieces, captions = [], []
    for i, caption in enumerate(instances.captions[:MOST]):
        checkpoint()
        pieces.append(_small(_piece(pixels, instances, i)))
        captions.append(f"{i + 1} {caption}")
    if not pieces:
        pieces, captions = [np.full((CELL // 2, CELL, 3), WHITE, np.uint8)], ["nothing found"]
    if len(instances) > MOST:
        pieces.append(np.full((1, 1, 3), WHITE, np.uint8))
        captions.append(f"+{len(instances) - MOST} more")
    side = max(max(piece.shape[:2]) for piece in pieces)
    return contact_sheet(pieces, captions, math.ceil(math.sqrt(len(pieces))), (side, max(side, CELL // 2)))


def _piece(pixels: np.ndarray, instances: Instances, i: int) -> np.ndarray:
    """What lies in a box and a little around it; a white pixel if the box is empty or outside of the picture."""
    box = instances.boxes[i]
    around = MARGIN * (box[2:] - box[:2])
    left, top, right, bottom = visible(np.concatenate([box[:2] - around, box[2:] + around]), instances.image_size)
    piece = pixels[top:bottom, left:right]
    return piece if piece.size else np.full((1, 1, 3), WHITE, np.uint8)


def _small(piece: np.ndarray) -> np.ndarray:
    """At most CELL pixels a side: 100 pieces of 12 megapixels must not be held."""
    height, width = piece.shape[:2]
    scale = CELL / max(height, width)
    if scale >= 1:
        return piece
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(piece, size, interpolation=cv2.INTER_AREA)
