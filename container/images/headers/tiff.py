"""Parser of TIFF directories, also for EXIF, which is a TIFF: size, orientation, layout, limits that protect Pillow.

The decoder sees one directory, written anew behind the file: that of the first picture, without metadata.
"""

import struct
from collections import Counter
from typing import NamedTuple

import numpy as np

from container.errors import BadImage, UnsupportedMediaType
from container.images.headers import tiff_layout, xmp
from container.images.headers._base import Header, Samples, cut_short
from container.images.headers.tiff_layout import Layout

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_KIND, _WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 254, 256, 257, 322, 323
_ORIENTATION, _XMP, _SUB_DIRECTORIES, _DNG_VERSION = 274, 700, 330, 50706
_OFFSETS, _LENGTHS, _ROWS = (273, 324), (279, 325), 278  # of strips, of tiles; rows of a strip
# What affects pixels: size, layout, strips and tiles, fax, palette, inks, JPEG of both kinds, YCbCr.
_KEPT = {_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT, _ROWS, *_OFFSETS, *_LENGTHS, *tiff_layout.TAGS}
_KEPT |= {292, 293, 320, 332, 347, *range(512, 522), *range(529, 533)}
_MAX_OFFSETS = 262_144  # 50 MP in 16×16 tiles are 195,313; Pillow creates a Python object for each
_SHARED = 64 << 20  # bytes that strips or tiles may read repeatedly; some writers store identical tiles once
# TIFF type → `struct` letter; libtiff also accepts signed values that are not negative.
_LETTERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 6: "B", 8: "H", 9: "I", 17: "Q"}
_BYTES = {2: "B", 7: "B"}  # text, and anything
_TYPE_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}  # others: a byte


class Entry(NamedTuple):
    """One tag: its type, its number of values, and the bytes that hold the values or their offset."""

    type: int
    length: int
    inline: bytes
    order: str  # "<" or ">"


def read(data: bytes) -> Header:
    """Parse width, height, orientation and layout; UnsupportedMediaType for a layout that nothing reads."""
    rows = _entries(data)
    tags = dict(reversed(rows))  # of two the first counts, as in libtiff
    _check(data, rows, tags)
    if _DNG_VERSION in tags or data[8:10] == b"CR" or (number(tags, _KIND) & 1 and _SUB_DIRECTORIES in tags):
        raise UnsupportedMediaType(
            "the TIFF is a camera's raw photo (DNG, NEF, CR2 or ARW), whose first picture is a preview",
            "develop it, and send it as JPEG, PNG or TIFF",
        )
    width, height = number(tags, _WIDTH), number(tags, _HEIGHT)
    asked = {tag: _values(data, tags[tag], tiff_layout.MOST_BANDS) for tag in tiff_layout.TAGS if tag in tags}
    layout = Layout({tag: tuple(values.tolist()) for tag, values in asked.items()}, "<" if data[:1] == b"I" else ">")
    if _ends_early(data, tags, layout):
        raise BadImage("the TIFF is cut short: some of its pixels are missing; send the whole file")
    unread = {tag for tag, values in asked.items() if not values.size}  # of types that only some decoders take
    kept = {tag: entry for tag, entry in tags.items() if tag in _KEPT and tag not in unread}
    samples = None
    if not layout.pillow_reads():
        samples = layout.samples(width, number(tags, _TILE_WIDTH))
    pages = _pages(data, kept, samples, layout.order) if samples else [kept]
    return Header("TIFF", width, height, _rewritten(data, pages), _turn(data, tags), samples=samples)


def orientation(block: bytes) -> int:
    """Return the orientation, 1–8; 0 if `block` (EXIF: a TIFF without pixels) is missing, damaged or has none.

    An invalid one is 1. Pillow's own reader parses every tag, warns, and raises a dozen kinds of exception on malicious
    blocks.
    """
    block = block.removeprefix(b"Exif\0\0")
    if not block.startswith(SIGNATURES):
        return 0
    try:
        return _own_turn(dict(_entries(block)))
    except BadImage:
        return 0


def _own_turn(tags: dict[int, Entry]) -> int:
    value = number(tags, _ORIENTATION)
    return value if value in range(1, 9) else int(_ORIENTATION in tags)


def _turn(data: bytes, tags: dict[int, Entry]) -> int:
    return _own_turn(tags) or (xmp.orientation(_values(data, tags[_XMP], xmp.MOST).tobytes()) if _XMP in tags else 1)


def _check(data: bytes, rows: list[tuple[int, Entry]], tags: dict[int, Entry]) -> None:
    """Raise BadImage for what decoders read differently, or take long to read."""
    times = Counter(tag for tag, _ in rows)
    for tag in (_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT, *_OFFSETS, *_LENGTHS):
        if times[tag] > 1:
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


def _total(data: bytes, entry: Entry) -> int:
    """Return the sum of an array of lengths in bytes, each capped at the length of the file."""
    lengths = _values(data, entry, entry.length).astype(np.uint64)  # a byte cannot be compared with 256
    return int(np.minimum(lengths, len(data)).sum())


def _ends_early(data: bytes, tags: dict[int, Entry], layout: Layout) -> bool:
    """Return True if a strip or tile reaches beyond the file, where the new directory will lie."""
    for offset, length in zip(_OFFSETS, _LENGTHS, strict=True):
        if offset not in tags:
            continue
        begins = _values(data, tags[offset], _MAX_OFFSETS).astype(np.uint64)
        lengths = _values(data, tags[length], _MAX_OFFSETS).astype(np.uint64) if length in tags else begins[:0]
        if layout[tiff_layout.CODING] == 1 and offset == _OFFSETS[0]:  # some declare more than there is
            rows = min(number(tags, _ROWS) or number(tags, _HEIGHT), number(tags, _HEIGHT))
            bits = sum(layout.bits) if layout[tiff_layout.PLANES] == 1 else max(layout.bits, default=0)
            strip = np.uint64(min(rows * (number(tags, _WIDTH) * bits // 8), len(data) + 1))
            lengths = np.minimum(lengths, strip) if lengths.size else np.full_like(begins, strip)
        if begins.size == lengths.size and (begins + np.minimum(lengths, len(data) + 1) > len(data)).any():
            return True
    return False


def _values(data: bytes, entry: Entry, most: int) -> np.ndarray:
    """Return an array of integers, text or bytes; empty if it is of another type, longer than `most`, or cut short."""
    letter = {**_LETTERS, **_BYTES}.get(entry.type, "")
    size = struct.calcsize(letter) * entry.length
    values = entry.inline[:size] if size <= len(entry.inline) else data[_offset(entry) : _offset(entry) + size]
    if not letter or len(values) < size or entry.length > most:
        return np.empty(0, np.uint8)  # no decoder reads such an array
    return np.frombuffer(values, entry.order + letter)


def _offset(entry: Entry) -> int:
    return int.from_bytes(entry.inline, "little" if entry.order == "<" else "big")


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


def _rewritten(data: bytes, pages: list[dict[int, Entry]]) -> bytes:
    """Return the file with a directory for each of `pages` behind it, instead of its own.

    A BigTIFF becomes a TIFF: Pillow reads none that is big-endian.
    """
    order = "<" if data[:1] == b"I" else ">"
    parts, at = [bytes(len(data) % 2)], len(data) + len(data) % 2
    first = at
    try:
        for page in pages:
            rows, values = [], []
            behind = at + 2 + 12 * len(page) + 4
            for tag, entry in sorted(page.items()):
                inline = entry.inline
                if len(inline) == 8 and _size(entry) in range(5, 9):  # has room in an entry of a BigTIFF only
                    values.append(inline)
                    inline = struct.pack(order + "I", behind + 8 * len(values) - 8)
                elif len(inline) == 8:
                    inline = inline[:4] if _size(entry) <= 4 else struct.pack(order + "I", _offset(entry))
                rows.append(struct.pack(f"{order}HHI4s", tag, entry.type, entry.length, inline))
            at = behind + 8 * len(values)
            following = struct.pack(order + "I", at if page is not pages[-1] else 0)
            parts += [struct.pack(order + "H", len(rows)), *rows, following, *values]
        head = struct.pack(f"{order}2sHI", data[:2], 42, first)
    except struct.error:
        raise BadImage("the TIFF reaches beyond 4 GB, which is not read") from None
    return b"".join([head, data[len(head) :], *parts])


def _size(entry: Entry) -> int:
    """Return the length of the values in bytes."""
    return _TYPE_SIZES.get(entry.type, 1) * entry.length


def _pages(data: bytes, kept: dict[int, Entry], samples: Samples, order: str) -> list[dict[int, Entry]]:
    """Return the directories of pictures in 8-bit grey that have the bytes of the samples."""
    row = samples.bytes_per_pixel
    changes: dict[int, int | None] = {
        _WIDTH: samples.across * row,
        tiff_layout.BITS: 8,
        tiff_layout.COLOURS: 1,
        tiff_layout.BANDS: 1,
        **dict.fromkeys((tiff_layout.PLANES, tiff_layout.PREDICTOR, tiff_layout.EXTRAS, tiff_layout.FORMAT)),
    }
    if _TILE_WIDTH in kept:
        changes[_TILE_WIDTH] = samples.tile * row
    page = _changed(kept, order, changes)
    if not samples.apart:
        return [page]
    arrays = [tag for tag in (*_OFFSETS, *_LENGTHS) if tag in page]
    return [{**page, **{tag: _part(data, page[tag], plane, samples.apart) for tag in arrays}} for plane in samples.used]


def _changed(page: dict[int, Entry], order: str, changes: dict[int, int | None]) -> dict[int, Entry]:
    """Return the tags with single integers put over them; None takes one away."""
    size = max((len(entry.inline) for entry in page.values()), default=4)
    new = {tag: value for tag, value in changes.items() if value is not None}
    try:
        packed = {
            tag: Entry(4, 1, struct.pack(order + "I", value).ljust(size, b"\0"), order) for tag, value in new.items()
        }
    except struct.error:
        raise BadImage("the TIFF is damaged: a row of it is longer than 4 GB") from None
    return {**{tag: entry for tag, entry in page.items() if tag not in changes}, **packed}


def _part(data: bytes, entry: Entry, index: int, parts: int) -> Entry:
    """Return one of `parts` equal parts of an array."""
    length, size = entry.length // parts, struct.calcsize(_LETTERS.get(entry.type, "B"))
    begin, total = index * length * size, length * size
    if size * entry.length <= len(entry.inline):
        inline = entry.inline[begin : begin + total]
    elif total <= len(entry.inline):
        inline = data[_offset(entry) + begin : _offset(entry) + begin + total]
    else:
        at = _offset(entry) + begin
        if at + total > len(data):
            raise cut_short("TIFF")
        inline = at.to_bytes(len(entry.inline), "little" if entry.order == "<" else "big")
    return entry._replace(length=length, inline=inline.ljust(len(entry.inline), b"\0"))


def number(tags: dict[int, Entry], tag: int) -> int:
    """Return the value of a tag that holds one unsigned integer; 0 if it is missing or holds anything else."""
    entry = tags.get(tag)
    letter = "" if entry is None or entry.length != 1 else _LETTERS.get(entry.type, "")
    if entry is None or not letter or struct.calcsize(letter) > len(entry.inline):
        return 0
    value: int = struct.unpack_from(entry.order + letter, entry.inline)[0]
    return value
