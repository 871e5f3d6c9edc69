"""Masks that were uploaded with segmentations, as arrays of indices."""

from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from container.errors import NotFound
from container.store.store import Store

MAX_PIXELS = 100_000_000  # of one mask: 100 MB
_INDEXED = ("1", "L", "P", "I;16", "I;16B", "I")


class MaskError(Exception):
    """A mask cannot be read; one line."""


def read_blob(store: Store, sha256: str) -> np.ndarray:
    """Return the indices of a mask of the store; MaskError for a file that is none, or that is gone."""
    try:
        file = store.blobs.open(sha256)
    except NotFound:
        raise MaskError("its mask is missing in the folder of the store") from None
    with file:
        return read_mask(file)


def read_mask(file: BinaryIO) -> np.ndarray:
    """Return the indices of a mask's pixels, H×W whole numbers; MaskError for a file that is none."""
    try:
        with Image.open(file, formats=("PNG",)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise MaskError(f"its mask has {image.width} × {image.height} pixels; at most {MAX_PIXELS:,} are read")
            if image.mode not in _INDEXED:
                raise MaskError(f"its mask holds colours ({image.mode}), and not the index of a segment in each pixel")
            pixels = np.asarray(image)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise MaskError(f"its mask is no PNG that can be read ({type(error).__name__})") from None
    return pixels.astype(np.uint8) if pixels.dtype == bool else pixels
