"""Parser of BMP headers."""

import struct

from container.images.headers._base import Header, cut_short


def read(data: bytes) -> Header:
    """Parse width and height; of a negative height (rows from the top) the absolute value counts."""
    if len(data) < 26:
        raise cut_short("BMP")
    (header_size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header_size == 12 else "<ii", data, 18)
    return Header("BMP", abs(width), abs(height), data)
