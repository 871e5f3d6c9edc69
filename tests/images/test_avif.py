"""AVIF: the still picture, upright, and no more work than it declares."""

import io
import struct
import time

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps

from container.errors import BadImage, PayloadTooLarge, ServingError, UnsupportedMediaType
from container.images.base import Limits
from container.images.decode import decode, header
from tests.images.pictures import encode, smooth

PLAIN = smooth(60, 90)
DATA = encode(PLAIN, "AVIF")


def as_pillow(data: bytes) -> np.ndarray:
    with Pillow.open(io.BytesIO(data)) as picture:
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))


def resized(data: bytes, width: int, height: int) -> bytes:
    """With another size in the box that declares it."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_stands_upright(orientation: int) -> None:
    tags = Pillow.Exif()
    tags[274] = orientation
    data = encode(PLAIN, "AVIF", exif=tags)
    assert header(data).orientation == orientation
    assert np.array_equal(decode(data, Limits()).pixels, as_pillow(data))


@pytest.mark.parametrize(
    "options",
    [{"subsampling": "4:4:4"}, {"subsampling": "4:0:0"}, {"quality": 100}, {"speed": 10}, {"range": "limited"}],
)
def test_kinds_of_coding(options: dict[str, object]) -> None:
    data = encode(PLAIN, "AVIF", **options)
    assert np.array_equal(decode(data, Limits()).pixels, as_pillow(data))


def test_alpha_is_over_white() -> None:
    picture = Pillow.new("RGBA", (64, 64), (0, 0, 0, 0))
    assert (decode(encode(picture, "AVIF"), Limits()).pixels == 255).all()


def test_of_a_sequence_the_still_picture_is_read() -> None:
    second = Pillow.new("RGB", (90, 60), "red")
    data = encode(PLAIN, "AVIF", save_all=True, append_images=[second])
    assert data[8:12] == b"avis"
    assert np.abs(decode(data, Limits()).pixels.astype(int) - PLAIN).mean() < 12


def test_a_major_brand_of_another_kind() -> None:
    data = DATA[:8] + b"mif1" + DATA[12:]
    assert np.array_equal(decode(data, Limits()).pixels, decode(DATA, Limits()).pixels)


def test_a_film_alone_is_named() -> None:
    with pytest.raises(UnsupportedMediaType, match="no still picture"):
        decode(DATA.replace(b"meta", b"skip"), Limits())


def test_size_is_checked_before_it_is_decoded() -> None:
    with pytest.raises(PayloadTooLarge, match="MASKSERVE_MAX_PIXELS"):
        decode(resized(DATA, 40_000, 40_000), Limits())


@pytest.mark.alone
def test_frames_that_are_larger_than_the_picture() -> None:
    """A few hundred bytes could take the memory of 268 megapixels."""
    data = resized(encode(Pillow.new("RGB", (4000, 3000)), "AVIF", speed=10), 4, 3)
    start = time.perf_counter()
    with pytest.raises(BadImage, match="much larger ones"):
        decode(data, Limits())
    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize("part", [0.1, 0.2, 0.5, 0.9, 0.99])
def test_cut_short(part: float) -> None:
    with pytest.raises(BadImage, match="cut short"):
        decode(DATA[: int(len(DATA) * part)], Limits())


def test_any_byte_changed() -> None:
    """It is read, or refused by a 4xx in one line."""
    for place in range(12, DATA.index(b"mdat") + 60):
        for value in (0, 1, 127, 255):
            try:
                decode(DATA[:place] + bytes([value]) + DATA[place + 1 :], Limits(max_pixels=100_000))
            except ServingError as error:
                assert 400 <= error.status < 500 and "\n" not in error.message
