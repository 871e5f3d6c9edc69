"""Which bytes are pictures, which are refused and how, and that pictures stand upright."""

import io
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from container.errors import (
    BadImage,
    BadRequest,
    OutOfMemory,
    PayloadTooLarge,
    ServingError,
    Unprocessable,
    UnsupportedMediaType,
)
from container.images import rgb
from container.images.base import Limits
from container.images.decode import decode
from tests.conftest import ROOT
from tests.images.pictures import chunk, encode, exif, idat, many_scans, noise, png, smooth, tiff, with_app1

LIMITS = Limits()
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"]


@pytest.mark.parametrize("format", FORMATS)
def test_every_allowed_format_gives_contiguous_writable_rgb(format: str) -> None:
    image = decode(encode(smooth(), format), LIMITS)
    assert image.size == (48, 64)
    assert image.pixels.dtype == np.uint8 and image.pixels.shape == (48, 64, 3)
    assert image.pixels.flags.c_contiguous and image.pixels.flags.writeable
    assert np.abs(image.pixels.astype(int) - smooth()).mean() < 12


@pytest.mark.parametrize("format", FORMATS)
def test_one_pixel(format: str) -> None:
    assert decode(encode(np.full((1, 1, 3), 200, np.uint8), format), LIMITS).pixels.tolist() == [[[200, 200, 200]]]


def test_pictures_over_one_band_are_equal_to_those_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(noise(50, 30, 4))
    whole = decode(data, LIMITS).pixels
    monkeypatch.setattr(rgb, "_BAND", 7 * 30)
    assert np.array_equal(decode(data, LIMITS).pixels, whole)


def test_lossless_pixels_are_exact() -> None:
    assert np.array_equal(decode(encode(noise()), LIMITS).pixels, noise())


def _frames(format: str, **options: object) -> bytes:
    frames = [Pillow.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    out = io.BytesIO()
    frames[0].save(out, format, save_all=True, append_images=frames[1:], **options)
    return out.getvalue()


@pytest.mark.parametrize("data", [_frames("PNG"), _frames("GIF"), _frames("WEBP", lossless=True), _frames("TIFF")])
def test_animations_give_their_first_frame(data: bytes) -> None:
    pixels = decode(data, LIMITS).pixels
    assert pixels.shape == (8, 8, 3) and (pixels == [255, 0, 0]).all()


def _reference(pixels: np.ndarray, orientation: int) -> np.ndarray:
    return np.asarray(
        {
            1: pixels,
            2: pixels[:, ::-1],
            3: pixels[::-1, ::-1],
            4: pixels[::-1],
            5: pixels.transpose(1, 0, 2),
            6: pixels[::-1].transpose(1, 0, 2),
            7: pixels[::-1, ::-1].transpose(1, 0, 2),
            8: pixels.transpose(1, 0, 2)[::-1],
        }[orientation]
    )


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation(format: str, orientation: int) -> None:
    tags = Pillow.Exif()
    tags[274] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    plain = decode(encode(smooth(), format, **options), LIMITS).pixels
    pixels = decode(encode(smooth(), format, exif=tags, **options), LIMITS).pixels
    assert np.array_equal(pixels, _reference(plain, orientation)) and pixels.flags.c_contiguous


@pytest.mark.parametrize(
    ("block", "shape"),
    [
        (exif(6), (64, 48, 3)),
        (exif(6, ">"), (64, 48, 3)),
        (exif(6, tag_type=4), (64, 48, 3)),
        (exif(0), (48, 64, 3)),
        (exif(9), (48, 64, 3)),
        (exif(6, tag_type=2), (48, 64, 3)),
        (b"", (48, 64, 3)),
        (b"II*\0", (48, 64, 3)),
        (b"II*\0\xff\xff\xff\xff", (48, 64, 3)),
        (b"II*\0\x08\0\0\0\xff\xff", (48, 64, 3)),
        (bytes(range(256)), (48, 64, 3)),
        (exif(6)[:20], (48, 64, 3)),
    ],
)
def test_broken_exif_is_no_exif(block: bytes, shape: tuple[int, ...]) -> None:
    assert decode(with_app1(encode(smooth(), "JPEG"), block), LIMITS).pixels.shape == shape


@pytest.mark.parametrize(
    "data",
    [
        b"hello, world",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"\x93NUMPY\x01\0v\0{}",
        b"\x80\x04cos\nsystem\n",
        b"%PDF-1.7",
        b"\x00",
        bytes(100),
        encode(smooth(), "ICO"),
        encode(smooth(), "PPM"),
        encode(smooth(), "TGA"),
        encode(smooth(), "JPEG2000"),
        b"RIFF\x10\0\0\0WAVEfmt ",
    ],
)
def test_other_formats_are_refused_by_name_of_the_allowed(data: bytes) -> None:
    with pytest.raises(UnsupportedMediaType, match="JPEG, PNG, WebP, GIF, BMP, TIFF"):
        decode(data, LIMITS)


def test_nothing_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="0 bytes"):
        decode(b"", LIMITS)


def _gif_screen(width: int, height: int, frame: tuple[int, int] = (1, 1)) -> bytes:
    small = encode(Pillow.new("P", (1, 1)), "GIF")
    at = small.index(b",")
    placed = small[: at + 5] + struct.pack("<HH", *frame) + small[at + 9 :]
    return placed[:6] + struct.pack("<HH", width, height) + placed[10:]


BOMBS = {
    "png": png(40000, 40000, idat(b"\0" * 100)),
    "png of 2^31": png(2**31 - 1, 2**31 - 1, idat(b"\0" * 100)),
    "bmp": b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 32767, -32767, 1, 24, 0, 0, 0, 0, 0, 0),
    "os/2 bmp": b"BM" + struct.pack("<IHHIIHHHH", 26, 0, 0, 26, 12, 65535, 65535, 1, 24),
    "gif screen": _gif_screen(65535, 65535),
    "gif frame": _gif_screen(1, 1, (65535, 65535)),
    "webp canvas": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\xff\xff" * 2,
    "webp lossless": b"RIFF\x12\0\0\0WEBPVP8L\x05\0\0\0\x2f\xff\xff\xff\x0f\0",
    "webp lossy": b"RIFF\x16\0\0\0WEBPVP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a\xff\x3f\xff\x3f",
    "tiff": tiff(100_000, 100_000, b"\0"),
    "jpeg": (lambda data, at: data[: at + 5] + b"\xff\xdc\xff\xdc" + data[at + 9 :])(
        encode(smooth(), "JPEG"), encode(smooth(), "JPEG").index(b"\xff\xc0")
    ),
}


@pytest.mark.alone
@pytest.mark.parametrize("name", BOMBS)
def test_what_declares_too_many_pixels_is_refused_at_once(name: str) -> None:
    start = time.perf_counter()
    with pytest.raises(PayloadTooLarge, match="50000000 are allowed .MASKSERVE_MAX_PIXELS"):
        decode(BOMBS[name], LIMITS)
    assert time.perf_counter() - start < 0.5


def test_the_limit_itself_is_allowed() -> None:
    data = encode(smooth(48, 64))
    assert decode(data, Limits(max_pixels=48 * 64)).size == (48, 64)
    with pytest.raises(PayloadTooLarge, match="64x48 = 3072 pixels; at most 3071"):
        decode(data, Limits(max_pixels=48 * 64 - 1))


@pytest.mark.alone
def test_scans() -> None:
    assert decode(many_scans(50), LIMITS).size == (48, 64)
    start = time.perf_counter()
    with pytest.raises(PayloadTooLarge, match="MASKSERVE_MAX_SCANS"):
        decode(many_scans(4000), LIMITS)
    assert time.perf_counter() - start < 0.5


def test_bytes_after_the_end_are_not_scans() -> None:
    assert decode(encode(smooth(), "JPEG") + b"\xff\xda" * 1000, LIMITS).size == (48, 64)


@pytest.mark.parametrize(
    "data",
    [
        png(0, 5, idat(b"")),
        _gif_screen(0, 0),
        tiff(0, 4, b""),
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 0, 1, 1, 24, 0, 0, 0, 0, 0, 0),
    ],
)
def test_no_pixels(data: bytes) -> None:
    with pytest.raises(Unprocessable, match="no pixels"):
        decode(data, LIMITS)


@pytest.mark.parametrize("part", [0.02, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("format", FORMATS)
def test_cut_short(format: str, part: float) -> None:
    data = encode(noise(), format)
    with pytest.raises((BadImage, UnsupportedMediaType)):
        decode(data[: int(len(data) * part)], LIMITS)


@pytest.mark.parametrize("format", FORMATS)
def test_cut_anywhere_in_its_header(format: str) -> None:
    data = encode(noise(), format)
    for end in range(1, 700):
        with pytest.raises((BadImage, UnsupportedMediaType)):
            decode(data[:end], LIMITS)


def test_a_png_cut_short_by_its_last_bytes() -> None:
    with pytest.raises(BadImage):
        decode(encode(noise())[:-2], LIMITS)


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


ROWS = idat(b"\0\x07\x08\x09" * 1)


@pytest.mark.alone
@pytest.mark.parametrize(
    "data",
    [
        _flipped(encode(noise()), 2000),
        png(1, 1, ROWS, chunk(b"tEXt", b"a\0b"), ROWS),
        png(1, 1, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 21))), ROWS),
        png(1, 1, *[chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 19)))] * 3, ROWS),
        png(1, 1, chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(1 << 21))), ROWS),
        png(1, 1, *[chunk(b"zTXt", b"a\0\0broken")] * 20, ROWS),
        png(1, 1, *[chunk(b"abcd")] * 100_001, ROWS),
        png(1, 1),
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8" + b"\xff\xfe\0\2" * 10_001,
        b"\xff\xd8" + b"\xff" * 1_000_000,
        tiff(4, 4, bytes(16), t322=(60000,), t323=(60000,)),
    ],
)
def test_damaged(data: bytes) -> None:
    start = time.perf_counter()
    with pytest.raises(BadImage):
        decode(data, LIMITS)
    assert time.perf_counter() - start < 1


def test_tags_that_share_bytes_are_not_read_over_and_over() -> None:
    """A thousand tags over the same 2 MB: 2 GB if all were read."""
    good = tiff(4, 4, bytes(range(16)))
    (count,) = struct.unpack_from("<H", good, 8)
    rows = good[10 : 10 + 12 * count]
    pixels = struct.pack("<HHII", 273, 4, 1, 10 + 12 * (count + 1000) + 4)
    rows = rows.replace(next(rows[i : i + 12] for i in range(0, len(rows), 12) if rows[i : i + 2] == b"\x11\1"), pixels)
    shared = b"".join(struct.pack("<HHII", 40000 + i, 7, 2_000_000, 100) for i in range(1000))
    data = good[:8] + struct.pack("<H", count + 1000) + rows + shared + bytes(4) + bytes(range(16)) + bytes(2_000_000)
    tracemalloc.start()
    try:
        assert decode(data, LIMITS).pixels[0, :, 0].tolist() == [0, 1, 2, 3]
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def _tiles(side: int, length: int, **tags: tuple[int, ...]) -> bytes:
    """A TIFF in tiles of 16×16, deflated and with its bits in reverse, all of which are the same `length` bytes."""
    count = (side // 16) ** 2
    tile = zlib.compress(bytes(256)).translate(bytes(int(f"{i:08b}"[::-1], 2) for i in range(256)))
    start = 8 + 2 + 12 * 11 + 4
    tile_at = start + 8 * count
    rows: list[tuple[int, int, int]] = [
        (256, 1, side),
        (257, 1, side),
        (258, 1, 8),
        (259, 1, 8),
        (262, 1, 1),
        (266, 1, 2),
    ]
    rows += [(277, 1, 1), (322, 1, 16), (323, 1, 16), (324, count, start), (325, count, start + 4 * count)]
    table = b"".join(struct.pack("<HHII", tag, 4, *values) for tag, *values in rows)
    places = struct.pack("<I", tile_at) * count + struct.pack("<I", length) * count
    return b"II*\0" + struct.pack("<IH", 8, len(rows)) + table + bytes(4) + places + tile.ljust(length, b"\0")


@pytest.mark.parametrize("rows", [1, 8, 300])
def test_strips_of_any_length(rows: int) -> None:
    """Of a type that need not hold the length of the file: 16 bits, where all strips are short."""
    file, pixels = io.BytesIO(), noise(400, 300)
    tifffile.imwrite(file, pixels, rowsperstrip=rows)
    assert (decode(file.getvalue(), LIMITS).pixels == pixels).all()


def test_tiles_may_share_bytes() -> None:
    assert not decode(_tiles(1600, 100), LIMITS).pixels.any()


@pytest.mark.alone
def test_tiles_that_share_much_are_not_read_over_and_over() -> None:
    """10,000 tiles over the same megabyte: 10 GB if all were read, which took 3 s, and 52 for 50 megapixels."""
    start = time.perf_counter()
    with pytest.raises(BadImage, match="share bytes"):
        decode(_tiles(1600, 1_000_000), LIMITS)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("tag", [256, 279])
def test_a_tag_that_counts_is_there_once(tag: int) -> None:
    good = tiff(4, 4, bytes(16))
    (count,) = struct.unpack_from("<H", good, 8)
    twice = good.replace(struct.pack("<HH", 258, 4), struct.pack("<HH", tag, 4))
    assert count == struct.unpack_from("<H", twice, 8)[0]
    with pytest.raises(BadImage, match=f"tag {tag} twice"):
        decode(twice, LIMITS)


def _arithmetic(scans: int, height: int, width: int, data: bytes = b"") -> bytes:
    """A progressive JPEG of three channels, arithmetic-coded: a first scan, and others of `data`, a bit a block."""
    parts = b"".join(bytes([i, 0x11, 0]) for i in (1, 2, 3))
    head = b"\xff\xdb\0\x43\0" + bytes([1]) * 64 + b"\xff\xca" + struct.pack(">HBHHB", 17, 8, height, width, 3) + parts
    scan = b"\xff\xda\0\x0c\3\1\0\2\0\3\0\0\0"
    return b"\xff\xd8" + head + scan + b"\1" + (scan + b"\x10" + data) * (scans - 1) + b"\xff\xd9"


def test_arithmetic_coding() -> None:
    assert decode(_arithmetic(50, 100, 80), LIMITS).size == (100, 80)
    assert decode(_arithmetic(2, 3600, 3600, b"U" * 80_000), LIMITS).size == (3600, 3600)


def test_scans_of_large_pictures_take_their_time() -> None:
    """1.5 KB that took 6 s."""
    with pytest.raises(PayloadTooLarge, match="98 scans; at most 7 are allowed"):
        decode(_arithmetic(98, 7000, 7000), LIMITS)


def test_metadata_never_reaches_the_decoder() -> None:
    info = PngInfo()
    info.add_text("a", "b" * 1000, zip=True)
    plain = decode(encode(noise()), LIMITS).pixels
    data = encode(Pillow.fromarray(noise()), pnginfo=info, icc_profile=b"\0" * 500)
    assert np.array_equal(decode(data, LIMITS).pixels, plain)
    broken = png(1, 1, chunk(b"acTL", bytes(8)), chunk(b"iCCP", b"a\0\0junk"), chunk(b"gAMA", b""), ROWS)
    assert decode(broken, LIMITS).pixels.tolist() == [[[7, 8, 9]]]


def test_warnings_of_pillow_do_not_escape() -> None:
    doubled = tiff(4, 4, bytes(16), t277=(1, 1, 1))  # one value expected: Pillow warns and goes on
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        decode(doubled, LIMITS)
    assert not caught


def test_no_memory_is_refused_for_now(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> np.ndarray:
        raise MemoryError

    monkeypatch.setattr(sys.modules["container.images.decode"], "to_rgb", exhausted)
    with pytest.raises(OutOfMemory):
        decode(encode(smooth()), LIMITS)


# In a process of its own: one that has run other tests has memory to reuse.
TIGHT = """
import sys
from container.errors import OutOfMemory
from container.images.decode import decode
from container.images.base import Limits
from tests.limits import bounded

data = sys.stdin.buffer.read()
try:
    with bounded(megabytes=60):
        decode(data, Limits())
except OutOfMemory:
    print(decode(data, Limits()).size)
"""


@pytest.mark.parametrize("lossless", [False, True], ids=["lossy", "lossless"])
def test_a_codec_without_memory_does_not_make_a_picture_a_damaged_one(lossless: bool) -> None:
    data = encode(np.zeros((5000, 5000, 3), np.uint8), "WEBP", lossless=lossless, method=0)
    done = subprocess.run([sys.executable, "-c", TIGHT], input=data, capture_output=True, cwd=ROOT)
    assert done.stdout == b"(5000, 5000)\n", done.stderr


def test_messages_are_one_line_without_foreign_words() -> None:
    for data in (b"x", encode(noise(), "JPEG")[:900], encode(noise(), "TIFF")[:900], BOMBS["png"]):
        with pytest.raises(ServingError) as caught:
            decode(data, LIMITS)
        assert "\n" not in caught.value.message and len(caught.value.message) < 200
        assert not any(word in caught.value.message for word in ("PIL", "BytesIO", "Traceback", "/", "truncated"))


def test_many_threads_at_once() -> None:
    files = [encode(smooth(), format) for format in FORMATS]
    wanted = [decode(data, LIMITS).pixels for data in files]
    wrong: list[str] = []

    def work() -> None:
        for _ in range(10):
            for data, pixels in zip(files, wanted, strict=True):
                if not np.array_equal(decode(data, LIMITS).pixels, pixels):
                    wrong.append("differs")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
