"""Parser of JPEG markers."""

import re
import struct
from collections.abc import Iterator

from container.errors import BadImage
from container.images.headers import tiff
from container.images.headers._base import Header, cut_short

_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")  # without markers that have no body, and without stuffed bytes
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END, _EXIF = 0xDA, 0xD9, 0xE1
_METADATA = {*range(0xE1, 0xF0), 0xFE} - {0xEE}  # APP0 (JFIF) and APP14 (Adobe) determine the colour space
_ARITHMETIC, _EFFORT = 0xC9, 4  # first arithmetic frame; a refinement scan of 50 MP took 250 ms, Huffman-coded 60 ms
_MAX_SEGMENTS = 10_000  # files have dozens; a 25 MB one could have 6 million
_FEW_SCANS = 16


def read(data: bytes) -> Header:
    """Parse width, height, orientation and the number of scans; drop the segments that affect no pixels.

    Without metadata Pillow opens a photo without parsing EXIF, colour profiles or the index of further images.
    """
    size: tuple[int, int] | None = None
    block, effort = b"", 1
    kept: list[bytes] = [data[:2]]
    for code, start, end in _segments(data, 2):
        if code == _SCAN:
            if size is None:
                raise BadImage("the JPEG is damaged: its pixels come before their size")
            stream = b"".join([*kept, data[start:]])
            return Header("JPEG", *size, stream, tiff.orientation(block) if block else 1, _scans(data, start), effort)
        if code == _END or end > len(data):
            break
        if code in _FRAMES and end - start >= 9:
            height, width = struct.unpack_from(">HH", data, start + 5)
            size = width, height
            effort = _EFFORT if code >= _ARITHMETIC else 1
        if code == _EXIF and data[start + 4 : start + 10] == b"Exif\0\0":
            block = block or data[start + 4 : end]
        if code not in _METADATA:
            kept.append(data[start:end])
    raise cut_short("JPEG")


def _segments(data: bytes, position: int) -> Iterator[tuple[int, int, int]]:
    """Yield (code, start, end) of each segment after `position`, from its last 0xFF to the end of its body."""
    for _ in range(_MAX_SEGMENTS):
        marker = _MARKER.search(data, position)
        if marker is None:
            return
        code, start = data[marker.end() - 1], marker.end() - 2
        length = 0 if code in (_END, 0xD8) else int.from_bytes(data[start + 2 : start + 4], "big")
        position = start + 2 + length
        yield code, start, position
    raise BadImage(f"the JPEG is in more than {_MAX_SEGMENTS} segments, the most that are allowed")


def _scans(data: bytes, position: int) -> int:
    """Count the scans that start at or after `position`, up to the end of the image.

    Counting the two marker bytes is fast (20 µs for 125 KB) and never too low. Only a high count, which bytes after the
    end of the image may cause, is verified by walking the segments.
    """
    count = data.count(b"\xff\xda", position)
    if count <= _FEW_SCANS:
        return count
    count = 0
    for code, _, _ in _segments(data, position):
        if code == _END:
            break
        count += code == _SCAN
    return count
