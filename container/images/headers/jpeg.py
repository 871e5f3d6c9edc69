"""Parser of JPEG markers."""

import hashlib
import re
import struct
from collections.abc import Iterator

from container.errors import BadImage
from container.images.headers import tiff, xmp
from container.images.headers._base import Header, cut_short

_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")  # without markers that have no body, and without stuffed bytes
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_END_MARKER = bytes([0xFF, _END])
# Bits that are read differently wherever some are still wanted: zeros, and at random.
_FILLINGS = (bytes(64), hashlib.sha512().digest().replace(b"\xff", b"\x7f"))
_METADATA = {*range(0xE1, 0xF0), 0xFE} - {0xEE}  # APP0 (JFIF) and APP14 (Adobe) determine the colour space
_ARITHMETIC, _EFFORT = 0xC9, 4  # first arithmetic frame; a refinement scan of 50 MP took 250 ms, Huffman-coded 60 ms
_MAX_SEGMENTS = 10_000  # files have dozens; a 25 MB one could have 6 million
_FEW_SCANS = 16


def read(data: bytes) -> Header:
    """Parse width, height, orientation and the number of scans; drop the segments that affect no pixels.

    Without metadata Pillow opens a photo without parsing EXIF, colour profiles or the index of further images. Cameras
    and splitters of MJPEG leave the end out: see `_ended`.
    """
    size: tuple[int, int] | None = None
    block, packet, effort = b"", b"", 1
    kept: list[bytes] = [data[:2]]
    for code, start, end in _segments(data, 2):
        if code == _SCAN:
            if size is None:
                raise BadImage("the JPEG is damaged: its pixels come before their size")
            turn = (tiff.orientation(block) if block else 0) or (xmp.orientation(packet) if packet else 1)
            stream, other = b"".join([*kept, data[start:]]), b""
            if effort == 1 and data.rfind(_END_MARKER, start) < 0:
                stream, other = _ended(stream)
            return Header("JPEG", *size, stream, turn, _scans(data, start), effort, other)
        if code == _END or end > len(data):
            break
        if code in _FRAMES and end - start >= 9:
            height, width = struct.unpack_from(">HH", data, start + 5)
            size = width, height
            effort = _EFFORT if code >= _ARITHMETIC else 1
        if code == _APP1:
            body = data[start + 4 : end]
            block = block or (body if body.startswith(_EXIF) else b"")
            packet = packet or (body.removeprefix(_XMP) if body.startswith(_XMP) else b"")
        if code not in _METADATA:
            kept.append(data[start:end])
    raise cut_short("JPEG")


def _ended(stream: bytes) -> tuple[bytes, bytes]:
    """Return two streams with an end, and with different bits before it: the same pixels if none are missing.

    Behind a marker libjpeg makes up what is missing, without a word to Pillow; bits that it still wants show in pixels.
    Without the last scans the stream is returned as it is. Zeros, which are valid data, too, are padding.
    """
    if not _all_scans(stream):
        return stream, b""
    data = stream[: len(stream.rstrip(b"\0")) + 2].rstrip(b"\xff")
    first, second = (b"".join([data, filling, _END_MARKER]) for filling in _FILLINGS)
    return first, second


def _all_scans(data: bytes) -> bool:
    """Return True if there are scans of all bits of all 64 coefficients of all components."""
    missing: set[tuple[int, int]] = set()
    for code, start, end in _segments(data, 2):
        body = data[start + 4 : end]
        if code in _FRAMES and len(body) > 5:
            missing = {(component, place) for component in body[6 : 6 + 3 * body[5] : 3] for place in range(64)}
        if code == _SCAN and body and len(body) >= 2 * body[0] + 4:
            first, last, bits = body[2 * body[0] + 1 : 2 * body[0] + 4]
            if bits & 15 == 0:
                missing -= {(one, place) for one in body[1 : 2 * body[0] : 2] for place in range(first, last + 1)}
    return not missing


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
