"""Image source: pixels in a .npy file. The file is parsed here, not by numpy, so that no pickle is ever loaded."""

import math
import re
import struct

import numpy as np

from container.errors import BadRequest, PayloadTooLarge
from container.images.base import Limits, Pictures, Source, add, wrong_kind
from container.images.decode import check_pixels
from container.images.pixel_budget import PixelShare
from container.structures import Image

_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 10_000  # bytes, numpy's own limit; headers of plain arrays have 118
_MAX_DIGITS = 18  # of one dimension
_DTYPE = re.compile(r"""["']descr["']\s*:\s*(?:["']([^"']{1,20})["']|(\[))""")
_ORDER = re.compile(r"""["']fortran_order["']\s*:\s*(True|False)""")
# The sizes are split below: a pattern of groups with optional commas can be matched in 2^n ways, and 60 digits without
# a closing bracket blocked the whole process for ever.
_SHAPE = re.compile(r"""["']shape["']\s*:\s*\(([0-9,\s]*)\)""")
_WANTED = "wanted: uint8 of shape (H, W, 3) or (N, H, W, 3), RGB"


class Npy(Source):
    """Reads one or N images from the bytes of a .npy file: uint8 H×W×3 or N×H×W×3, RGB, in C or Fortran order."""

    name = "npy"
    media_types = ("application/x-npy",)

    def read(self, value: object, limits: Limits, share: PixelShare | None = None) -> Pictures:
        if not isinstance(value, bytes):
            raise wrong_kind("npy", value, "the bytes of a .npy file")
        header, start = _header(value)
        shape = _shape(header)
        count, height, width = (1, *shape[:2]) if len(shape) == 3 else shape[:3]
        check_pixels(width, height, limits)
        if not 1 <= count <= limits.max_images:
            raise PayloadTooLarge(f"the array holds {count} pictures; 1 to {limits.max_images} are allowed")
        if len(value) - start != math.prod(shape):
            raise BadRequest(f"shape {shape} takes {math.prod(shape)} bytes; {len(value) - start} follow the header")
        order = _ORDER.search(header)
        if order is None:
            raise BadRequest('the npy header does not say whether "fortran_order" is True or False')
        array = np.frombuffer(value, np.uint8, offset=start).reshape(shape, order="F" if order[1] == "True" else "C")
        pictures = array if len(shape) == 4 else array[None]
        return Pictures([Image(np.array(pixels, order="C")) for pixels in pictures], batch=len(shape) == 4)


def _header(data: bytes) -> tuple[str, int]:
    """Return the text of the header, and the offset of the pixels."""
    if not data.startswith(_MAGIC) or len(data) < 12:
        raise BadRequest(f"the first bytes {data[:8].hex(' ')} are not those of a .npy file; {_WANTED}")
    version = data[6]
    if version not in (1, 2, 3):
        raise BadRequest(f"npy version {version} is not known; allowed: 1, 2, 3")
    (length,) = struct.unpack_from("<H" if version == 1 else "<I", data, 8)
    start = (10 if version == 1 else 12) + length
    if length > _MAX_HEADER or start > len(data):
        raise BadRequest(
            f"the npy header declares {length} bytes; allowed: {_MAX_HEADER}, and no more than the file has"
        )
    return data[start - length : start].decode("latin-1"), start


def _shape(header: str) -> tuple[int, ...]:
    """Return the shape, after checking the dtype."""
    dtype, shape = _DTYPE.search(header), _SHAPE.search(header)
    if dtype is None or shape is None:
        raise BadRequest(f"the npy header names no dtype or no shape; {_WANTED}")
    numbers = shape[1].strip().removesuffix(",").split(",") if shape[1].strip() else []
    if not all(number.strip().isdigit() and len(number.strip()) <= _MAX_DIGITS for number in numbers):
        raise BadRequest(f"the npy header's shape ({shape[1][:60]!r}) is no list of sizes; {_WANTED}")
    sizes = tuple(map(int, numbers))
    name = "a record" if dtype[2] else _name(dtype[1])
    if name != "uint8" or len(sizes) not in (3, 4) or sizes[-1] != 3:
        raise BadRequest(f"the array is {name} of shape {sizes}; {_WANTED}")
    return sizes


def _name(code: str) -> str:
    """Return the name of a dtype: "|u1" → "uint8"."""
    kinds = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex", "O": "object"}
    match = re.fullmatch(r"[|<>=]?([biufcO])([0-9]{0,2})", code)
    if match is None:
        return ascii(code)
    bits = "" if match[1] in "bO" else str(8 * int(match[2] or 0))
    return kinds[match[1]] + bits


add(Npy())
