"""Parser of TIFF directories, also for EXIF, which is a TIFF: size, orientation, and limits that protect Pillow.

Since 13.0 Pillow itself does not read tags with shared bytes repeatedly.
"""

import struct
from collections import Counter
from typing import NamedTuple

import numpy as np

from container.errors import BadImage
from container.images.headers._base import Header, cut_short

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323
_ORIENTATION = 274
_OFFSETS, _LENGTHS = (273, 324), (279, 325)  # of strips, of tiles
_MAX_OFFSETS = 262_144  # 50 MP in 16×16 tiles are 195,313; Pillow creates a Python object for each
_SHARED = 64 << 20  # bytes that strips or tiles may read repeatedly; some writers store identical tiles once
# TIFF type → `struct` letter; libtiff also accepts signed values that are not negative.
_LETTERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 6: "B", 8: "H", 9: "I", 17: "Q"}


class Entry(NamedTuple):
    """One tag: its type, its number of values, and the bytes that hold the values or their offset."""

    type: int
    length: int
    inline: bytes
    order: str  # "<" or ">"


def read(data: bytes) -> Header:
    """Parse width and height; Pillow itself applies the orientation of a TIFF while loading."""
    rows = _entries(data)
    tags = dict(rows)
    times = Counter(tag for tag, _ in rows)
    for tag in (_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT, *_OFFSETS, *_LENGTHS):
        if times[tag] > 1:  # libtiff uses the first of them and Pillow the last
            raise BadImage(f"the TIFF is damaged: it holds tag {tag} twice")
    width, height = (number(tags, tag) for tag in (_WIDTH, _HEIGHT))
    tile_width, tile_height = (number(tags, tag) for tag in (_TILE_WIDTH, _TILE_HEIGHT))
    if tile_width * tile_height > max(4 * width * height, 1 << 24):
        raise BadImage(f"the TIFF declares tiles of {tile_width}x{tile_height} for a picture of {width}x{height}")
    if any(tags[tag].length > _MAX_OFFSETS for tag in _OFFSETS if tag in tags):
        raise BadImage(f"the TIFF is in more than {_MAX_OFFSETS} strips or tiles, the most that are allowed")
    # 195,000 tiles of the same megabyte took libtiff a minute.
    if any(_total(data, tags[tag]) > 2 * len(data) + _SHARED for tag in _LENGTHS if tag in tags):
        raise BadImage("the TIFF's strips or tiles share bytes; together they must not be much longer than the file")
    return Header("TIFF", width, height, data)


def orientation(block: bytes) -> int:
    """Return the orientation, 1–8; 1 if `block` (EXIF: a TIFF without pixels) is missing, damaged or invalid.

    Pillow's own reader parses every tag, warns, and raises a dozen kinds of exception on malicious blocks.
    """
    block = block.removeprefix(b"Exif\0\0")
    if not block.startswith(SIGNATURES):
        return 1
    try:
        value = number(dict(_entries(block)), _ORIENTATION)
    except BadImage:
        return 1
    return value if value in range(1, 9) else 1


def _total(data: bytes, entry: Entry) -> int:
    """Return the sum of an array of lengths in bytes, each capped at the length of the file."""
    letter = _LETTERS.get(entry.type, "")
    size = struct.calcsize(letter) * entry.length
    if size <= len(entry.inline):
        values = entry.inline[:size]
    else:
        (at,) = struct.unpack(entry.order + ("Q" if len(entry.inline) == 8 else "I"), entry.inline)
        values = data[at : at + size]
    if not letter or len(values) < size:
        return 0  # no decoder reads such an array
    lengths = np.frombuffer(values, entry.order + letter).astype(np.uint64)  # a byte cannot be compared with 256
    return int(np.minimum(lengths, len(data)).sum())


def _entries(data: bytes) -> list[tuple[int, Entry]]:
    order = "<" if data[:1] == b"I" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    pointer, counter, entry = ("Q", "Q", f"{order}HHQ8s") if big else ("I", "H", f"{order}HHI4s")
    try:
        (offset,) = struct.unpack_from(order + pointer, data, 8 if big else 4)
        (count,) = struct.unpack_from(order + counter, data, offset)
        start, size = offset + struct.calcsize(order + counter), struct.calcsize(entry)
        if count > 65535 or start + count * size > len(data):
            raise cut_short("TIFF")
        rows = struct.iter_unpack(entry, data[start : start + count * size])
        return [(tag, Entry(kind, values, inline, order)) for tag, kind, values, inline in rows]
    except (struct.error, OverflowError) as error:
        raise cut_short("TIFF") from error


def number(tags: dict[int, Entry], tag: int) -> int:
    """Return the value of a tag that holds one unsigned integer; 0 if it is missing or holds anything else."""
    entry = tags.get(tag)
    letter = "" if entry is None or entry.length != 1 else _LETTERS.get(entry.type, "")
    if entry is None or not letter or struct.calcsize(letter) > len(entry.inline):
        return 0
    value: int = struct.unpack_from(entry.order + letter, entry.inline)[0]
    return value
