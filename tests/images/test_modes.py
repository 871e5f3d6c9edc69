"""Every pixel layout as RGB, with the values expected."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from container.images.base import Limits
from container.images.decode import decode
from tests.images.pictures import chunk, encode, idat, png, tiff


def _deep(depth: int, *chunks: bytes, kind: int = 0) -> bytes:
    """A PNG of 16 bits whose three pixels are 0, half and all of `depth` bits; alpha is full."""
    values = [0, 1 << depth - 1, (1 << depth) - 1]
    colours = [(value,) * (1 if kind in (0, 4) else 3) + ((65535,) if kind in (4, 6) else ()) for value in values]
    row = b"".join(struct.pack(f">{len(colour)}H", *colour) for colour in colours)
    return png(3, 1, *chunks, idat(b"\0" + row), depth=16, kind=kind)


def _first(data: bytes) -> list[list[int]]:
    """The colours of the first row."""
    colours: list[list[int]] = decode(data, Limits()).pixels[0].tolist()
    return colours


def _made(mode: str, *values: object) -> Pillow.Image:
    picture = Pillow.new(mode, (len(values), 1))
    for x, value in enumerate(values):
        picture.putpixel((x, 0), value)
    return picture


def _palette(*colours: int) -> Pillow.Image:
    picture = _made("P", *range(len(colours) // 3))
    picture.putpalette(list(colours))
    return picture


def _grey(*values: int) -> list[list[int]]:
    return [[value] * 3 for value in values]


SHORTS = struct.pack(">4H", 0, 0x7FFF, 0x8000, 0xFFFF)


@pytest.mark.parametrize(
    ("data", "colours"),
    [
        pytest.param(encode(_made("1", 0, 255)), _grey(0, 255), id="1"),
        pytest.param(encode(_made("L", 0, 100, 255)), _grey(0, 100, 255), id="L"),
        pytest.param(encode(_made("LA", (100, 255), (100, 0), (0, 51))), _grey(100, 255, 204), id="LA"),
        pytest.param(encode(_palette(1, 2, 3, 250, 0, 9)), [[1, 2, 3], [250, 0, 9]], id="P"),
        pytest.param(encode(_palette(1, 2, 3, 4, 5, 6), transparency=1), [[1, 2, 3], [255] * 3], id="P, one clear"),
        pytest.param(
            encode(_palette(0, 0, 0, 4, 5, 6), transparency=b"\x33\xff"), [[204] * 3, [4, 5, 6]], id="P, alpha table"
        ),
        pytest.param(
            encode(_palette(1, 2, 3, 4, 5, 6), "GIF", transparency=1), [[1, 2, 3], [255] * 3], id="GIF, clear"
        ),
        pytest.param(encode(_palette(1, 2, 3, 4, 5, 6), "BMP"), [[1, 2, 3], [4, 5, 6]], id="BMP, P"),
        pytest.param(encode(_palette(1, 2, 3, 4, 5, 6), "TIFF"), [[1, 2, 3], [4, 5, 6]], id="TIFF, P"),
        pytest.param(
            encode(_made("RGBA", (9, 8, 7, 255), (9, 8, 7, 0), (0, 255, 0, 51))),
            [[9, 8, 7], [255] * 3, [204, 255, 204]],
            id="RGBA",
        ),
        pytest.param(
            encode(_made("RGBA", (9, 8, 7, 255), (0, 0, 0, 0)), "WEBP", lossless=True),
            [[9, 8, 7], [255] * 3],
            id="WebP, RGBA",
        ),
        pytest.param(
            encode(_made("RGBA", (9, 8, 7, 255), (9, 8, 7, 0)), "TIFF"), [[9, 8, 7], [255] * 3], id="TIFF, RGBA"
        ),
        pytest.param(
            encode(_made("RGB", (9, 8, 7), (1, 2, 3)), transparency=(1, 2, 3)), [[9, 8, 7], [255] * 3], id="RGB, key"
        ),
        pytest.param(encode(_made("L", 9, 8), transparency=8), _grey(9, 255), id="L, key"),
        pytest.param(encode(_made("1", 0, 255), transparency=0), _grey(255, 255), id="1, key"),
        pytest.param(png(4, 1, idat(b"\0" + SHORTS), depth=16, kind=0), _grey(0, 127, 128, 255), id="grey 16"),
        pytest.param(
            png(4, 1, chunk(b"tRNS", b"\x7f\xff"), idat(b"\0" + SHORTS), depth=16, kind=0),
            _grey(0, 255, 128, 255),
            id="grey 16, key",
        ),
        pytest.param(
            png(4, 1, chunk(b"tRNS", b"\0\1"), idat(b"\0\x1b"), depth=2, kind=0),
            _grey(0, 255, 170, 255),
            id="grey 2, key",
        ),
        pytest.param(
            png(1, 1, idat(b"\0" + struct.pack(">4H", 0x1234, 0x8000, 0xFF00, 0xFFFF)), depth=16, kind=6),
            [[0x12, 0x80, 0xFF]],
            id="RGBA 16",
        ),
        pytest.param(
            png(2, 1, idat(b"\0" + struct.pack(">4H", 0x8234, 0xFFFF, 0, 0)), depth=16, kind=4),
            _grey(0x82, 255),
            id="LA 16",
        ),
        pytest.param(
            png(2, 1, chunk(b"tRNS", SHORTS[:6]), idat(b"\0" + SHORTS[:6] + SHORTS[2:]), depth=16, kind=2),
            [[255] * 3, [127, 128, 255]],
            id="RGB 16, key",
        ),
        pytest.param(encode(Pillow.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"), [[255, 0, 0]] * 8, id="CMYK TIFF"),
        pytest.param(encode(Pillow.new("YCbCr", (2, 1), (100, 128, 128)), "TIFF"), _grey(100, 100), id="YCbCr TIFF"),
        pytest.param(encode(Pillow.new("LAB", (2, 1), (255, 128, 128)), "TIFF"), _grey(255, 255), id="LAB, white"),
        pytest.param(
            encode(Pillow.fromarray(np.array([[0, 256, 65535]], np.uint16)), "TIFF"), _grey(0, 1, 255), id="I;16"
        ),
        pytest.param(tiff(2, 1, b"\x80\0\xff\xff", ">", t258=(16,)), _grey(128, 255), id="I;16B"),
        pytest.param(tiff(2, 1, b"\x80\x0f\xff", t258=(12,)), _grey(128, 255), id="I;12"),
        pytest.param(encode(_made("I", 0, 7, 255), "TIFF"), _grey(0, 7, 255), id="I, 8 bits"),
        pytest.param(encode(_made("I", 0, 257, 65535), "TIFF"), _grey(0, 1, 255), id="I, 16 bits"),
        pytest.param(encode(_made("I", -100, 0, 100), "TIFF"), _grey(0, 128, 255), id="I, signed"),
        pytest.param(encode(_made("I", 70000, 70000), "TIFF"), _grey(0, 0), id="I, all the same"),
        pytest.param(encode(_made("F", 0.0, 0.2, 1.0), "TIFF"), _grey(0, 51, 255), id="F, shares"),
        pytest.param(encode(_made("F", 0.0, 51.0, 255.0), "TIFF"), _grey(0, 51, 255), id="F, 8 bits"),
        pytest.param(encode(_made("F", -1.0, 0.0, 4.0), "TIFF"), _grey(0, 51, 255), id="F, any"),
        pytest.param(encode(_made("F", float("nan"), float("inf"), 1.0), "TIFF"), _grey(0, 0, 255), id="F, NaN"),
        pytest.param(encode(_made("F", float("nan")), "TIFF"), _grey(0), id="F, NaN only"),
    ],
)
def test_mode(data: bytes, colours: list[list[int]]) -> None:
    assert _first(data) == colours


@pytest.mark.parametrize("kind", [0, 2, 4, 6], ids=["grey", "RGB", "grey and alpha", "RGB and alpha"])
@pytest.mark.parametrize("depth", [8, 10, 12, 14, 16])
def test_of_16_bits_those_in_use_count(kind: int, depth: int) -> None:
    assert _first(_deep(depth, kind=kind)) == _grey(0, 128, 255)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_bits_in_use_in_tiffs(bits: int) -> None:
    values = np.array([[0, 1 << bits - 1, (1 << bits) - 1]], np.uint16)
    for dtype in (np.uint16, np.int32, np.uint32):
        grey = values.astype(dtype)
        for pixels, form in ((grey, "minisblack"), (np.repeat(grey[..., None], 3, 2), "rgb")):
            out = io.BytesIO()
            tifffile.imwrite(out, pixels, photometric=form)
            assert _first(out.getvalue()) == _grey(0, 128, 255)


def test_whole_bits_are_counted_not_the_least_and_the_largest() -> None:
    """600 of 1023, not white; and what is nearly black stays so."""
    picture = encode(Pillow.fromarray(np.array([[400, 600]], np.uint16)))
    assert _first(picture) == _grey(100, 150)


@pytest.mark.parametrize("kind", [0, 2, 4, 6])
@pytest.mark.parametrize(
    ("declared", "depth", "colours"),
    [
        pytest.param(16, 10, _grey(0, 2, 3), id="all 16, and dark"),
        pytest.param(12, 10, _grey(0, 32, 63), id="12, and dark"),
        pytest.param(12, 12, _grey(0, 128, 255), id="12"),
        pytest.param(10, 16, _grey(0, 128, 255), id="10 stretched to 16, as the format wants it"),
        pytest.param(5, 10, _grey(0, 128, 255), id="too few to mean anything"),
    ],
)
def test_the_file_may_say_how_many_bits_count(kind: int, declared: int, depth: int, colours: list[list[int]]) -> None:
    assert _first(_deep(depth, chunk(b"sBIT", bytes([declared]) * 3), kind=kind)) == colours


@pytest.mark.parametrize(
    ("kind", "key"), [pytest.param(0, b"\xff\xff", id="grey"), pytest.param(2, b"\x02\0" * 3, id="RGB")]
)
def test_a_clear_colour_is_compared_as_it_is_stored(kind: int, key: bytes) -> None:
    """It is no value of the picture where nothing has it, and white where something does."""
    clear = _deep(10, chunk(b"tRNS", key), kind=kind)
    assert _first(clear) == _grey(0, 255 if kind == 2 else 128, 255)


@pytest.mark.parametrize(
    ("picture", "colour"),
    [
        (Pillow.new("L", (16, 16), 77), [77, 77, 77]),
        (Pillow.new("RGB", (16, 16), (200, 30, 40)), [200, 30, 40]),
        (Pillow.new("CMYK", (16, 16), (0, 255, 255, 0)), [255, 0, 0]),
        (Pillow.new("CMYK", (16, 16), (0, 0, 0, 255)), [0, 0, 0]),
    ],
)
def test_jpeg_colours(picture: Pillow.Image, colour: list[int]) -> None:
    pixels = decode(encode(picture, "JPEG", quality=95), Limits()).pixels.astype(int)
    assert np.abs(pixels - colour).max() <= 3


def test_lab_red() -> None:
    pixels = decode(encode(Pillow.new("LAB", (2, 2), (136, 208, 195)), "TIFF"), Limits()).pixels.astype(int)
    assert np.abs(pixels[0, 0] - [255, 0, 0]).max() <= 3
