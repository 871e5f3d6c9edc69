"""Whatever the bytes, a picture comes out or a 4xx."""

import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from container.errors import ServingError
from container.images.base import Limits
from container.images.decode import decode
from container.images.sources import read_json, sources
from tests.images.pictures import chunk, encode, exif, idat, many_scans, png, smooth, tiff, with_app1

LIMITS = Limits(max_pixels=1_000_000)
SMALL = smooth(12, 16)
PIXELS = idat(bytes(10))
SEEDS = [
    with_app1(encode(SMALL, "JPEG"), exif(6)),
    encode(SMALL, "JPEG", progressive=True),
    many_scans(3),
    encode(Pillow.fromarray(SMALL).convert("CMYK"), "JPEG"),
    encode(SMALL, "PNG"),
    encode(Pillow.fromarray(SMALL).convert("P"), "PNG", transparency=3),
    encode(SMALL, "WEBP"),
    encode(Pillow.fromarray(SMALL).convert("RGBA"), "WEBP", lossless=True),
    encode(SMALL, "GIF"),
    encode(SMALL, "BMP"),
    encode(SMALL, "TIFF"),
    encode(SMALL, "TIFF", compression="tiff_lzw"),
    tiff(4, 4, bytes(32), t258=(16,)),
    tiff(4, 4, bytes(400), t277=(5,), t258=(32,), t339=(3,)),
    tiff(4, 4, bytes(96), t277=(3,), t258=(16,), t262=(2,), t338=(0,)),
    encode(SMALL, "AVIF"),
    encode(SMALL, "JPEG")[:-2],
    encode(SMALL, "JPEG", progressive=True, xmp=b"<tiff:Orientation>6<")[:-1],
    png(3, 1, chunk(b"sBIT", b"\x0c" * 3), idat(bytes(19)), depth=16, kind=2),
    png(3, 1, chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\n\n\n" + exif(6).hex().encode())), PIXELS),
]
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _decodes_or_refuses(data: bytes) -> None:
    try:
        image = decode(data, LIMITS)
    except ServingError as error:
        assert 400 <= error.status < 500, error.message
        assert "\n" not in error.message
    else:
        assert image.pixels.ndim == 3 and image.pixels.shape[2] == 3 and image.pixels.dtype == np.uint8


@FEW
@given(st.binary(max_size=300), st.sampled_from([b"", *[seed[:n] for seed in SEEDS for n in (4, 12, 30)]]))
def test_random_bytes_behind_a_good_beginning(data: bytes, beginning: bytes) -> None:
    _decodes_or_refuses(beginning + data)


@pytest.mark.parametrize("seed", range(len(SEEDS)))
@settings(FEW, max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=6), st.floats(0, 1), st.binary(max_size=8)
)
def test_changed_cut_and_grown_pictures(seed: int, changes: list[tuple[float, int]], cut: float, tail: bytes) -> None:
    data = bytearray(SEEDS[seed])
    for place, value in changes:
        # most places lie in the first half: that is where headers are
        data[int(place * place * len(data))] = value
    _decodes_or_refuses(bytes(data[: int(len(data) * (1 - cut**4))]) + tail)


@FEW
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["type", "value", "x"]), inner, max_size=3)
            | st.fixed_dictionaries({"type": st.sampled_from(["base64", "url", "npy"]) | inner, "value": inner})
        ),
        max_leaves=6,
    )
)
def test_any_json(value: object) -> None:
    with pytest.raises(ServingError) as caught:
        read_json(value, LIMITS)
    assert 400 <= caught.value.status < 500 and "\n" not in caught.value.message


@FEW
@given(st.binary(max_size=200))
def test_any_npy(tail: bytes) -> None:
    with pytest.raises(ServingError) as caught:
        sources["npy"].read(b"\x93NUMPY" + tail, LIMITS)
    assert 400 <= caught.value.status < 500
