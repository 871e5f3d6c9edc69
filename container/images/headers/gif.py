"""Parser of a GIF's blocks up to its first frame."""

import re
import struct

from container.errors import BadImage
from container.images.headers._base import Header, cut_short

_BLOCK = re.compile(rb"[!,;]")  # extension, frame, trailer; bytes between blocks are skipped, as Pillow does
_CONTROL = 0xF9
_MAX_PARTS = 100_000  # sub-blocks of all extensions; a colour profile of 1 MB has 4,112


def read(data: bytes) -> Header:
    """Parse the size of the screen, extended to the first frame if that is larger; drop the blocks before that frame.

    Of the extensions only the transparent colour is kept. The disposal method is dropped: for it Pillow would allocate
    a second image in the size of the frame, before its size can be checked.
    """
    if len(data) < 13:
        raise cut_short("GIF")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    start = position = 13 + _palette_size(flags)
    transparency, parts = b"", 0
    while (block := _BLOCK.search(data, position)) is not None:
        position = block.end()
        if block[0] == b",":
            if position + 9 > len(data):
                break
            left, top, wide, high = struct.unpack_from("<HHHH", data, position)
            stream = b"".join([data[:start], transparency, data[block.start() :]])
            return Header("GIF", width and max(width, left + wide), height and max(height, top + high), stream)
        if block[0] == b";":
            raise BadImage("the GIF holds no picture")
        control = data[position : position + 6]  # label, block size 4, flags, two bytes of delay, transparent colour
        if len(control) == 6 and control[0] == _CONTROL and control[1] == 4 and control[2] & 1:
            transparency = bytes([0x21, _CONTROL, 4, 1, 0, 0, control[5], 0])
        position += 1
        while position < len(data) and data[position]:
            position += 1 + data[position]
            parts += 1
            if parts > _MAX_PARTS:
                raise BadImage(f"the GIF's extensions are in more than {_MAX_PARTS} parts, the most that are allowed")
        position += 1
    raise cut_short("GIF")


def _palette_size(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
