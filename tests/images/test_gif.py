"""What may stand in a GIF before its first frame."""

import struct
import time

import pytest

from container.errors import BadImage, PayloadTooLarge
from container.images.base import Limits
from container.images.decode import decode
from container.images.headers import gif

PIXEL = b"\x02\x02\x44\x01\x00"  # the packed data of one pixel of colour 0
PALETTE = bytes([200, 100, 50, 0, 0, 0])


def a_gif(*blocks: bytes, screen: tuple[int, int] = (1, 1)) -> bytes:
    """A GIF of two colours."""
    return b"GIF89a" + struct.pack("<HH", *screen) + b"\x80\0\0" + PALETTE + b"".join(blocks) + b";"


def frame(left: int = 0, top: int = 0, width: int = 1, height: int = 1) -> bytes:
    return b"," + struct.pack("<HHHH", left, top, width, height) + b"\0" + PIXEL


def extension(name: int, *parts: bytes) -> bytes:
    return b"!" + bytes([name]) + b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def control(disposal: int = 0, transparent: int | None = None) -> bytes:
    flags = disposal << 2 | (transparent is not None)
    return extension(0xF9, bytes([flags, 9, 9, transparent or 0]))


OPAQUE, WHITE = [200, 100, 50], [255, 255, 255]


@pytest.mark.parametrize(
    ("before", "colour"),
    [
        ([], OPAQUE),
        ([control(disposal=2)], OPAQUE),
        ([control(transparent=0)], WHITE),
        ([control(disposal=3, transparent=0)], WHITE),
        ([control(transparent=1)], OPAQUE),
        ([extension(0xFE, b"a comment", b"and more")], OPAQUE),
        ([extension(0xFF, b"NETSCAPE2.0", b"\1\0\0"), control(transparent=0)], WHITE),
        ([control(transparent=0), extension(0xFE, b", a frame? ;")], WHITE),
        ([extension(0x01)], OPAQUE),
        ([b"\0\0junk"], OPAQUE),
    ],
)
def test_what_goes_before_the_first_frame(before: list[bytes], colour: list[int]) -> None:
    assert decode(a_gif(*before, frame()), Limits()).pixels.tolist() == [[colour]]


def test_the_second_frame_is_not_looked_at() -> None:
    assert gif.read(a_gif(frame(), control(2), frame(width=60_000, height=60_000))).width == 1


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
@pytest.mark.parametrize(("place", "size"), [((0, 0), (60_000, 60_000)), ((65_535, 65_535), (1, 1))])
def test_a_frame_over_the_limit_takes_no_memory(disposal: int, place: tuple[int, int], size: tuple[int, int]) -> None:
    data = a_gif(control(disposal, transparent=0), frame(*place, *size))
    header = gif.read(data)  # and not Pillow, which fills memory with the frame as it opens the file
    assert header.width * header.height >= 3_600_000_000
    with pytest.raises(PayloadTooLarge, match="declares"):
        decode(data, Limits())


def test_a_frame_over_the_screen_counts() -> None:
    assert decode(a_gif(frame(left=2, top=1)), Limits()).pixels.shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        ([], "holds no picture"),
        ([control()], "holds no picture"),
        ([b",\0\0"], "cut short"),
        ([extension(0xFE, *[b"a"] * 100_001), frame()], "more than 100000 parts"),
    ],
)
def test_broken(blocks: list[bytes], reason: str) -> None:
    with pytest.raises(BadImage, match=reason):
        decode(a_gif(*blocks), Limits())


@pytest.mark.parametrize("filler", [bytes(20_000_000), b"!\xfe\1a\0" * 4_000_000], ids=["bytes", "comments"])
def test_much_before_the_first_frame_costs_little_time(filler: bytes) -> None:
    begun = time.process_time()
    try:
        decode(a_gif(filler, frame()), Limits())
    except BadImage:
        pass
    assert time.process_time() - begun < 1
