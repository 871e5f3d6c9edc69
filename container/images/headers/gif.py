"""The header of a GIF."""

import struct

from container.images.headers._base import Header, cut_short


def read(data: bytes) -> Header:
    """The size of the screen, on which the first frame is drawn."""
    if len(data) < 13:
        raise cut_short("GIF")
    width, height = struct.unpack_from("<HH", data, 6)
    return Header("GIF", width, height, data)
