"""TIFFs of any layout of samples, as tools of science and satellites write them, or an error that names the layout."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tifffile

from container.errors import BadImage, PayloadTooLarge, ServingError, UnsupportedMediaType
from container.images import samples as module
from container.images.base import Limits
from container.images.decode import decode, header
from tests.images.pictures import noise, tiff


def written(pixels: np.ndarray, **options: object) -> bytes:
    """A TIFF by tifffile."""
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, **options)
    return out.getvalue()


def bands(count: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """uint8 H×W×count, in which 0 and 255 are, and the same as a tool would keep it in `dtype`."""
    pixels = noise(50, 70, count)
    pixels[0, 0], pixels[0, 1] = 0, 255
    if dtype == "uint16":
        return pixels, pixels.astype(dtype) * 257
    return pixels, (pixels / 255).astype(dtype) if dtype.startswith("float") else pixels.astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "int32", "float16", "float32", "float64"])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 13])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="strips"),
        pytest.param({"tile": (16, 32), "bigtiff": True}, id="tiles"),
        pytest.param({"rowsperstrip": 7, "compression": "zlib", "predictor": True, "byteorder": "<"}, id="predictor"),
        pytest.param({"byteorder": ">"}, id="big-endian"),
        pytest.param(
            {"tile": (16, 16), "compression": "zlib", "byteorder": ">", "bigtiff": True}, id="big-endian tiles"
        ),
    ],
)
def test_any_bands_of_any_numbers(dtype: str, count: int, planes: str, options: dict[str, object]) -> None:
    """The first three bands are red, green and blue; of fewer the first is grey."""
    wanted, stored = bands(count, dtype)
    stored = stored[..., 0] if count == 1 else stored if planes == "contig" else np.moveaxis(stored, 2, 0)
    if dtype.startswith("float"):
        options = {**options, "predictor": None}  # which OpenCV writes, below
    data = written(stored, photometric="minisblack", planarconfig=planes if count > 1 else None, **options)
    colours = wanted[..., :3] if count >= 3 else np.repeat(wanted[..., :1], 3, 2)
    error = np.abs(decode(data, Limits()).pixels.astype(int) - colours)
    assert error.max() <= (dtype == "float16")


PREDICTED = [(kind, number) for kind in ("uint8", "uint16", "int16", "float32", "float64") for number in (1, 2)]


@pytest.mark.parametrize(("dtype", "predictor"), [*PREDICTED, ("float32", 3), ("float64", 3)])
@pytest.mark.parametrize("coding", [1, 5, 8, 32773, 32946], ids=["none", "LZW", "Deflate", "PackBits", "old Deflate"])
def test_as_opencv_writes_it(dtype: str, coding: int, predictor: int) -> None:
    wanted, stored = bands(3, dtype)
    options = [cv2.IMWRITE_TIFF_COMPRESSION, coding, cv2.IMWRITE_TIFF_PREDICTOR, predictor]
    _, data = cv2.imencode(".tiff", stored[..., ::-1], options)
    assert np.array_equal(decode(data.tobytes(), Limits()).pixels, wanted)


def test_many_rows_are_read_band_by_band(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted, stored = bands(3, "float32")
    monkeypatch.setattr(module, "_BAND", 1000)
    data = written(stored, photometric="rgb", tile=(16, 16), compression="zlib")
    assert np.array_equal(decode(data, Limits()).pixels, wanted)


@pytest.mark.parametrize(
    ("values", "options", "wanted"),
    [
        pytest.param([0, 0.2, 1], {}, [0, 51, 255], id="shares"),
        pytest.param([0, 51.0, 255], {}, [0, 51, 255], id="8 bits in floats"),
        pytest.param([0, 257.0, 65535], {}, [0, 1, 255], id="16 bits in floats"),
        pytest.param([-1, 0, 4.0], {}, [0, 51, 255], id="any floats"),
        pytest.param([float("nan"), float("inf"), 1.0], {}, [0, 0, 255], id="NaN"),
        pytest.param([0, 0.2, 1], {"photometric": "miniswhite"}, [255, 204, 0], id="inverted"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_floats(values: list[float], options: dict[str, object], wanted: list[int], dtype: str) -> None:
    data = written(np.array([values], dtype), **{"photometric": "minisblack", **options})
    assert decode(data, Limits()).pixels[0, :, 0].tolist() == wanted


def test_colours_have_one_scale() -> None:
    """Stretched by itself each band would be grey."""
    stored = np.array([[[-10.0, 0, 10], [0, 30, 0]]], np.float32)
    assert decode(written(stored, photometric="rgb"), Limits()).pixels.tolist() == [[[0, 64, 128], [64, 255, 64]]]


@pytest.mark.parametrize(("kind", "green"), [("unassalpha", 1.0), ("assocalpha", 0.2)])
@pytest.mark.parametrize(("dtype", "top"), [("uint16", 65535), ("uint32", 2**32 - 1), ("float32", 1)])
def test_alpha_is_over_white(kind: str, green: float, dtype: str, top: int) -> None:
    """A fifth of green, which is multiplied by alpha in one of the kinds, nothing, and all of green."""
    shares = np.array([[[0, green, 0, 0.2], [0, 0, 0, 0], [0, 1, 0, 1]]])
    data = written((shares * top).astype(dtype), photometric="rgb", extrasamples=[kind])
    wanted = [[204, 255, 204], [255] * 3, [0, 255, 0]]
    assert np.abs(decode(data, Limits()).pixels[0].astype(int) - wanted).max() <= 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (written(noise(8, 8, 1)[..., 0].astype("complex64")), "1 band of 64 bits .complex floats"),
        (tiff(4, 4, bytes(200), t277=(3,), t258=(10, 10, 10), t262=(2,)), "3 bands of 10 bits"),
        (tiff(4, 4, bytes(200), t277=(3,), t258=(8, 16, 8), t262=(2,)), "3 bands of 8/16 bits"),
        (tiff(4, 4, bytes(200), t259=(34712,)), "compression JPEG 2000"),
        (tiff(4, 4, bytes(200), t259=(34887,)), "compression LERC"),
        (tiff(4, 4, bytes(200), t259=(12345,)), "compression 12345"),
        (tiff(4, 4, bytes(200), t262=(32803,)), "colours 32803"),
        (tiff(4, 4, bytes(200), t277=(3,), t258=(8, 8, 8), t284=(2,), t262=(4,)), "colours 4.*planes apart"),
        (tiff(4, 4, bytes(200), t277=(2**31,), t258=(8,)), "2147483648 bands"),
    ],
)
def test_a_layout_that_is_not_read_is_named(data: bytes, words: str) -> None:
    for read in (header, lambda data: decode(data, Limits())):
        with pytest.raises(UnsupportedMediaType, match=f"layout is not read: .*{words}") as caught:
            read(data)
        assert len(caught.value.message) < 200 and caught.value.hint


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}, {"planarconfig": "separate"}])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_cut_short(options: dict[str, object], dtype: str) -> None:
    stored = bands(3, dtype)[1]
    if "planarconfig" in options:
        stored = np.moveaxis(stored, 2, 0)
    data = written(stored, photometric="rgb", **options)
    for part in (0.3, 0.9, 0.99):
        with pytest.raises(BadImage):
            decode(data[: int(len(data) * part)], Limits())


def test_bytes_of_samples_are_limited_before_they_are_decoded() -> None:
    """Eight for each pixel that is allowed."""
    stored = np.zeros((10, 10, 5), np.float32)
    data = written(stored, photometric="minisblack", planarconfig="contig", compression="zlib")
    assert decode(data, Limits(max_pixels=250)).size == (10, 10)
    with pytest.raises(PayloadTooLarge, match="10x10 pixels of 20 bytes = 2000 bytes; at most 1992"):
        decode(data, Limits(max_pixels=249))


@pytest.mark.parametrize("count", [1000, 65_535, 2**20, 2**32 - 1])
def test_many_bands_take_neither_time_nor_memory(count: int) -> None:
    packed = zlib.compress(bytes(1000))
    data = tiff(7000, 7000, packed, t277=(count,), t258=(8,), t259=(8,))
    with pytest.raises(ServingError) as caught:
        decode(data, Limits())
    assert caught.value.status in (413, 415, 400)


def test_a_first_picture_that_stands_upright() -> None:
    stored = np.moveaxis(bands(3, "float32")[1], 2, 0)
    data = written(stored, photometric="rgb", planarconfig="separate", extratags=[(274, 3, 1, 6, True)])
    assert decode(data, Limits()).pixels.shape == (70, 50, 3) and header(data).orientation == 6


def test_pages_after_the_first_are_not_read() -> None:
    first, second = bands(3, "float32")[1], bands(5, "float64")[1]
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as file:
        file.write(first, photometric="rgb")
        file.write(second, photometric="minisblack", planarconfig="contig")
    assert np.array_equal(decode(out.getvalue(), Limits()).pixels, bands(3, "float32")[0])


def test_lengths_that_are_too_long_without_compression() -> None:
    """Some programs declare the whole file."""
    good = tiff(4, 4, bytes(range(16)))
    at = good.index(struct.pack("<HHI", 279, 4, 1)) + 8
    data = good[:at] + struct.pack("<I", 1000) + good[at + 4 :]
    assert decode(data, Limits()).pixels[:, :, 0].ravel().tolist() == list(range(16))
