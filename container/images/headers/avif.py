"""Parser of AVIF's boxes, and of the sizes that its coded frames declare.

The decoder allocates what a frame itself declares, whatever the boxes say, and decodes every frame of an item.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from container.errors import BadImage, UnsupportedMediaType
from container.images.headers._base import Header, cut_short

BRANDS = (b"avif", b"avis")
_MAX_BOXES = 10_000  # at one level; a picture in a grid of tiles has some hundred
_MAX_UNITS = 1000  # parts of a coded item; a picture has 3
_SMALL = 1 << 20  # pixels that all frames together may always have
_MORE = 8  # times the pixels of the picture that they may have: alpha, layers, sides rounded up to a power of two
_SEQUENCE, _FRAMES = 1, (3, 6)  # kinds of parts
# Quarters of a turn counter-clockwise, and the axis of a mirror after it (None: no mirror), as EXIF's orientation.
_TURNS: dict[tuple[int, int | None], int] = {
    (0, 0): 4,
    (0, 1): 2,
    (1, 0): 5,
    (1, 1): 7,
    (2, 0): 2,
    (2, 1): 4,
    (3, 0): 7,
    (3, 1): 5,
}
_TURNS |= {(0, None): 1, (1, None): 8, (2, None): 3, (3, None): 6}


@dataclass
class _Items:
    """What the box `meta` says of the items of a file."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, list[slice]] = field(default_factory=dict)
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    owned: dict[int, list[int]] = field(default_factory=dict)  # properties of an item, counted from 1


def read(data: bytes) -> Header:
    """Parse the size and orientation of the primary picture; UnsupportedMediaType for a film without one.

    BadImage for frames that are much larger than that together.
    """
    try:
        items = _items(data)
        owned = [items.properties[i - 1] for i in items.owned.get(items.primary, ()) if 0 < i <= len(items.properties)]
        found = dict(reversed(owned))  # the first of a kind counts
        if b"ispe" not in found:
            raise UnsupportedMediaType("the AVIF holds no still picture", "send one frame of it, as JPEG or PNG")
        _, width, height = struct.unpack_from(">III", found[b"ispe"])
        coded = [items.places.get(item, []) for item, kind in items.kinds.items() if kind == b"av01"]
        _check(data, coded, max(_MORE * width * height, _SMALL))
        mirror = found[b"imir"][0] & 1 if b"imir" in found else None
        turn = _TURNS[found[b"irot"][0] & 3 if b"irot" in found else 0, mirror]
    except (struct.error, IndexError) as error:
        raise cut_short("AVIF") from error
    # A film has its first picture beside it; the decoder would read the film.
    return Header("AVIF", width, height, data[:8] + BRANDS[0] + data[12:], turn)


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind, and the begin and end of the body of each box."""
    for _ in range(_MAX_BOXES):
        if start >= end:
            return
        length, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, body)
            body += 8
        following = start + length if length else end
        if not body <= following <= end:
            raise cut_short("AVIF")
        yield kind, body, following
        start = following
    raise BadImage(f"the AVIF is in more than {_MAX_BOXES} boxes, the most that are allowed")


def _items(data: bytes) -> _Items:
    items = _Items()
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind != b"meta":
            continue
        parts = {part: (begin, stop) for part, begin, stop in _boxes(data, start + 4, end)}
        if b"pitm" in parts:
            begin = parts[b"pitm"][0]
            (items.primary,) = struct.unpack_from(">I" if data[begin] else ">H", data, begin + 4)
        if b"iinf" in parts:
            begin, stop = parts[b"iinf"]
            for _, entry, _ in _boxes(data, begin + (8 if data[begin] else 6), stop):
                number, _, name = struct.unpack_from(">IH4s" if data[entry] == 3 else ">HH4s", data, entry + 4)
                items.kinds[number] = name
        if b"iloc" in parts:
            items.places = _places(data[slice(*parts[b"iloc"])], parts.get(b"idat", (0, 0))[0], len(data))
        for part, begin, stop in _boxes(data, *parts.get(b"iprp", (0, 0))):
            if part == b"ipco":
                items.properties = [(name, data[at:to]) for name, at, to in _boxes(data, begin, stop)]
            if part == b"ipma":
                items.owned |= _owned(data[begin:stop])
        break
    return items


def _places(box: bytes, inside: int, total: int) -> dict[int, list[slice]]:
    """Return where the items lie; those in `idat` begin at `inside`."""
    version, sizes, more = box[0], box[4], box[5]
    wide, position = (4, 6) if version == 2 else (2, 6)
    places: dict[int, list[slice]] = {}
    count = 0

    def taken(size: int) -> int:
        nonlocal position
        position += size
        if position > len(box):
            raise cut_short("AVIF")
        return int.from_bytes(box[position - size : position], "big")

    for _ in range(taken(wide)):
        item, start = taken(wide), 0
        if version and taken(2) & 15 == 1:
            start = inside
        taken(2)  # the file that it lies in: this one
        start += taken(more >> 4)
        for _ in range(taken(2)):
            if version:
                taken(more & 15)
            at, length = start + taken(sizes >> 4), taken(sizes & 15)
            count += 1
            if count > _MAX_BOXES:
                raise BadImage(f"the AVIF's items lie in more than {_MAX_BOXES} places, the most that are allowed")
            places.setdefault(item, []).append(slice(at, at + length if length else max(at, total)))
    return places


def _owned(box: bytes) -> dict[int, list[int]]:
    """Return the properties of each item."""
    version, wide = box[0], box[3] & 1
    (count,) = struct.unpack_from(">I", box, 4)
    owned, position = dict[int, list[int]](), 8
    for _ in range(count):
        item, number = struct.unpack_from(">IB" if version else ">HB", box, position)
        position += 5 if version else 3
        links = struct.unpack_from(f">{number}{'H' if wide else 'B'}", box, position)
        position += number * (2 if wide else 1)
        owned[item] = [link & (0x7FFF if wide else 0x7F) for link in links]
    return owned


def _check(data: bytes, coded: list[list[slice]], most: int) -> None:
    """Raise BadImage for coded items that are cut short, share bytes, or have frames of more than `most` pixels.

    An item may go by the size that another one declares, so that the largest counts for all frames.
    """
    if any(place.stop > len(data) for places in coded for place in places):
        raise BadImage("the AVIF is cut short: some of its pixels are missing; send the whole file")
    if sum(place.stop - place.start for places in coded for place in places) > 2 * len(data):
        raise BadImage("the AVIF's items share bytes; together they must not be much longer than the file")
    parts = [part for places in coded for part in _units(b"".join(data[place] for place in places))]
    largest = max((_frame(body) for kind, body in parts if kind == _SEQUENCE), default=0)
    if largest * max(1, sum(kind in _FRAMES for kind, _ in parts)) > most:
        raise BadImage("the AVIF declares a small picture, and holds much larger ones, or many")


def _units(coded: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and body of each part of a coded item."""
    position = 0
    for _ in range(_MAX_UNITS):
        if position >= len(coded):
            return
        head = coded[position]
        position += 2 if head & 4 else 1
        length = len(coded) - position
        if head & 2:  # seven bits a byte, the lowest first
            length = 0
            for shift in range(0, 56, 7):
                length |= (coded[position] & 127) << shift
                position += 1
                if coded[position - 1] < 128:
                    break
        yield head >> 3 & 15, coded[position : position + length]
        position += length
    raise BadImage(f"a picture of the AVIF is in more than {_MAX_UNITS} parts, the most that are allowed")


def _frame(sequence: bytes) -> int:
    """Return the most pixels that a frame of a coded sequence may have."""
    whole, left = int.from_bytes(sequence[:256], "big"), 8 * len(sequence[:256])

    def bits(count: int) -> int:
        nonlocal left
        left -= count
        if left < 0:
            raise cut_short("AVIF")
        return whole >> left & (1 << count) - 1

    bits(4)  # profile, and whether it is a still picture
    reduced = bits(1)
    if reduced:
        bits(5)
    else:
        if bits(1):
            raise BadImage("the AVIF's frames are those of a film, with times; send a still picture")
        delays = bits(1)
        for _ in range(bits(5) + 1):
            bits(12)
            if bits(5) > 7:
                bits(1)
            if delays and bits(1):
                bits(4)
    sides = [bits(4) + 1, bits(4) + 1]
    # A frame of a sequence that is not reduced may declare any size that has as many bits.
    width, height = ((bits(count) + 1) if reduced else 1 << count for count in sides)
    return width * height
