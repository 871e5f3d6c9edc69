"""What is fuzzed, and what must hold: functions of bytes that raise AssertionError, or anything unforeseen."""

import ctypes
import zlib
from collections.abc import Callable
from contextlib import suppress

import numpy as np

from container.errors import ServingError
from container.images.base import Limits
from container.images.decode import decode
from container.images.headers.png import SIGNATURE
from container.protocols.sagemaker.negotiation import MAX_TRACE, Negotiation

NEGOTIATION = Negotiation()

LIMITS = Limits(max_pixels=20_000)


def a_picture_or_a_refusal(data: bytes) -> None:
    """The decoder gives upright RGB within the limits, the same again, or refuses with a 4xx in one line."""
    data = with_checksums(data)
    fill_fresh_memory(0x33)
    try:
        pixels = decode(data, LIMITS).pixels
    except ServingError as error:
        assert 400 <= error.status < 500 and "\n" not in error.message and len(error.message) < 300, error.message
    else:
        assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
        assert 0 < pixels.shape[0] * pixels.shape[1] <= LIMITS.max_pixels
        fill_fresh_memory(0xCC)  # pixels that nobody has written hold what was there before: another client's picture
        assert np.array_equal(pixels, decode(data, LIMITS).pixels)


def attributes_or_a_refusal(data: bytes) -> None:
    """The parser gives checked values, the same ones again, or refuses with a 400 in one line."""
    header = data.decode("latin-1")
    try:
        given = NEGOTIATION.parse(header)
    except ServingError as error:
        assert error.status == 400 and "\n" not in error.message and len(error.message) < 300, error.message
    else:
        assert set(given.values) <= set(NEGOTIATION.attributes) and len(given.trace) <= MAX_TRACE
        given.options(), given.appearance()
        assert NEGOTIATION.parse(header) == given and NEGOTIATION.parse("", given.values).values == given.values


def fill_fresh_memory(byte: int) -> None:
    """Have glibc fill what it hands out from now on."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(-6, byte)  # M_PERTURB


def with_checksums(data: bytes) -> bytes:
    """A PNG with its checksums put right, since chance never would; anything else as it is."""
    if not data.startswith(SIGNATURE):
        return data
    mended, position = bytearray(data), len(SIGNATURE)
    while position + 12 <= len(data):
        end = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if end + 4 > len(data):
            break
        mended[end : end + 4] = zlib.crc32(data[position + 4 : end]).to_bytes(4, "big")
        position = end + 4
    return bytes(mended)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "decode": a_picture_or_a_refusal,
    "attributes": attributes_or_a_refusal,
}
