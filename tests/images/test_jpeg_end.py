"""JPEGs without an end: whole if all pixels are there, and cut short if any is missing."""

import numpy as np
import pytest
from PIL import Image as Pillow

from container.errors import BadImage
from container.images.base import Limits
from container.images.decode import decode
from tests.images.pictures import encode, noise, smooth

KINDS = {
    "baseline": encode(smooth(120, 160), "JPEG"),
    "noise": encode(noise(48, 64), "JPEG", quality=95),
    "progressive": encode(smooth(120, 160), "JPEG", progressive=True),
    "progressive noise": encode(noise(48, 64), "JPEG", progressive=True),
    "optimised": encode(noise(48, 64), "JPEG", optimize=True),
    "restarts": encode(noise(48, 64), "JPEG", restart_marker_blocks=3),
    "grey": encode(Pillow.fromarray(noise(48, 64)).convert("L"), "JPEG"),
    "CMYK": encode(Pillow.fromarray(noise(48, 64)).convert("CMYK"), "JPEG"),
    "one colour": encode(Pillow.new("RGB", (160, 120), (90, 120, 30)), "JPEG"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("cut", "tail"),
    [
        pytest.param(2, b"", id="no marker"),
        pytest.param(1, b"", id="half a marker"),
        pytest.param(2, b"\xff\xff\xff", id="fill bytes"),
        pytest.param(2, bytes(1000), id="padding"),
        pytest.param(2, b"\r\n--boundary\r\nContent-Type: image/jpeg\r\n", id="a stream's next part"),
        pytest.param(0, b"garbage" * 100, id="bytes behind the end"),
    ],
)
def test_whole(kind: str, cut: int, tail: bytes) -> None:
    data = KINDS[kind]
    found = decode(data[: len(data) - cut] + tail, Limits()).pixels
    assert np.array_equal(found, decode(data, Limits()).pixels)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.5, 0.7, 0.9, 0.95])
@pytest.mark.parametrize("tail", [b"", b"\xff", bytes(1000)], ids=["", "half a marker", "padding"])
def test_pixels_are_missing(kind: str, part: float, tail: bytes) -> None:
    data = KINDS[kind]
    with pytest.raises(BadImage):
        decode(data[: int(len(data) * part)] + tail, Limits())


def test_a_scan_is_missing() -> None:
    """The pixels of the scans before it are all there, less sharp."""
    data = KINDS["progressive noise"]
    with pytest.raises(BadImage):
        decode(data[: data.rindex(b"\xff\xda")], Limits())
