"""Parser of WebP chunks."""

import struct

from container.images.headers import tiff, xmp
from container.images.headers._base import Header, cut_short

_MAX_CHUNKS = 10_000  # later ones are not searched for EXIF and XMP


def read(data: bytes) -> Header:
    """Parse the size of the canvas, and the orientation in an EXIF or XMP chunk.

    Pillow cannot be used for the size, because libwebp allocates two canvases when it opens the file.
    """
    size: tuple[int, int] | None = None
    found = {b"EXIF": b"", b"XMP ": b""}
    position = 12
    for _ in range(_MAX_CHUNKS):
        name, body = data[position : position + 4], position + 8
        if body > len(data):
            break
        if size is None and name in _SIZES:
            size = _SIZES[name](data[body : body + 10])
        (length,) = struct.unpack_from("<I", data, position + 4)
        if name in found:
            found[name] = found[name] or data[body : body + length]
        position = body + length + length % 2
    if size is None:
        raise cut_short("WebP")
    return Header("WEBP", *size, data, tiff.orientation(found[b"EXIF"]) or xmp.orientation(found[b"XMP "]))


def _extended(body: bytes) -> tuple[int, int] | None:
    if len(body) < 10:
        return None
    return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1


def _lossy(body: bytes) -> tuple[int, int] | None:
    if len(body) < 10 or body[3:6] != b"\x9d\x01\x2a":
        return None
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF


def _lossless(body: bytes) -> tuple[int, int] | None:
    if len(body) < 5 or body[0] != 0x2F:
        return None
    bits = int.from_bytes(body[1:5], "little")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


_SIZES = {b"VP8X": _extended, b"VP8 ": _lossy, b"VP8L": _lossless}
