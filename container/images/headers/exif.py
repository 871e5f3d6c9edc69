"""The one thing of interest in EXIF: which way is up."""

from container.errors import BadImage
from container.images.headers import tiff

_ORIENTATION = 274


def orientation(block: bytes) -> int:
    """1–8, and 1 wherever `block` (EXIF: a TIFF without pixels) is missing, broken or says anything else.

    Pillow's own reader parses every tag, warns, and raises a dozen kinds of exception on hostile blocks.
    """
    block = block.removeprefix(b"Exif\0\0")
    if not block.startswith(tiff.SIGNATURES):
        return 1
    try:
        value = tiff.number(tiff.directory(block), _ORIENTATION)
    except BadImage:
        return 1
    return value if value in range(1, 9) else 1
