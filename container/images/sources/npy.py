"""Image source: pixels or picture files in a .npy file, parsed here and not by numpy, so that no pickle is ever loaded.

Files in arrays are what SageMaker's SDK makes of bytes: uint8 of one axis, or NumPy's own bytes.
"""

import math
import re
import struct
from typing import Any

import numpy as np
from PIL import Image as Pillow

from container.errors import BadRequest, PayloadTooLarge
from container.images.base import Limits, Pictures, Source, add, wrong_kind
from container.images.decode import check_pixels, decode
from container.images.pixel_budget import PixelShare
from container.images.sources import read_each
from container.structures import Image

_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 10_000  # bytes, numpy's own limit; headers of plain arrays have 118
_MAX_DIGITS = 18  # of one dimension
_DTYPE = re.compile(r"""["']descr["']\s*:\s*(?:["']([^"']{1,20})["']|(\[))""")
_ORDER = re.compile(r"""["']fortran_order["']\s*:\s*(True|False)""")
# The sizes are split below: a pattern of groups with optional commas can be matched in 2^n ways, and 60 digits without
# a closing bracket blocked the whole process for ever.
_SHAPE = re.compile(r"""["']shape["']\s*:\s*\(([0-9,\s]*)\)""")
_INTEGERS = re.compile(r"[|<>=]?[iu][1248]")
_FILES = re.compile(r"\|[SV][1-9][0-9]{0,8}")
_WANTED = "wanted: uint8 of shape (H, W), (H, W, 3), (H, W, 4) or (N, H, W, 3), RGB; or the bytes of a picture's file"


class Npy(Source):
    """Reads one or N images from the bytes of a .npy file, in C or Fortran order.

    Pixels are integers of 0 to 255, H×W (grey), H×W×C or N×H×W×C, where C is 1 (grey), 3 (RGB) or 4 (alpha, over
    white). Picture files are uint8 of one axis, or one or N values of NumPy's bytes.
    """

    name = "npy"
    media_types = ("application/x-npy",)
    begins = _MAGIC

    def read(self, value: object, limits: Limits, share: PixelShare | None = None) -> Pictures:
        if not isinstance(value, bytes):
            raise wrong_kind("npy", value, "the bytes of a .npy file")
        header, start = _header(value)
        dtype, shape = _layout(header)
        count, height, width, channels = _sides(dtype, shape)
        check_pixels(width, height, limits)
        if not 1 <= count <= limits.max_images:
            raise PayloadTooLarge(f"the array holds {count} pictures; 1 to {limits.max_images} are allowed")
        wanted = math.prod(shape) * dtype.itemsize
        if len(value) - start != wanted:
            raise BadRequest(f"shape {shape} takes {wanted} bytes; {len(value) - start} follow the header")
        if len(shape) < 2:
            return _read_files(value[start:], dtype, shape, limits, share)
        order = _ORDER.search(header)
        if order is None:
            raise BadRequest('the npy header does not say whether "fortran_order" is True or False')
        array = np.frombuffer(value, dtype, offset=start).reshape(shape, order="F" if order[1] == "True" else "C")
        pictures = _bytes(array).reshape(count, height, width, channels)
        return Pictures([Image(_rgb(pixels)) for pixels in pictures], batch=len(shape) == 4)


def _read_files(
    data: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], limits: Limits, share: PixelShare | None
) -> Pictures:
    """Return the images of picture files: one of all bytes, or N of NumPy's bytes."""
    if dtype.kind not in "SV" or not shape:
        return Pictures([decode(data, limits, share)])
    files = [data[start : start + dtype.itemsize] for start in range(0, len(data), dtype.itemsize)]
    return read_each(files, lambda file, left: Pictures([decode(file, left, share)]), limits)


def _sides(dtype: np.dtype[Any], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return the number of pictures, and of pixels their height and width, and the number of channels."""
    if len(shape) < 2:  # files, which declare their own sizes
        return math.prod(shape) if dtype.kind in "SV" else 1, 1, 1, 1
    count = shape[0] if len(shape) == 4 else 1
    height, width, channels = (*shape, 1) if len(shape) == 2 else shape[-3:]
    return count, height, width, channels


def _bytes(array: np.ndarray) -> np.ndarray:
    """Return integers as uint8; BadRequest for others than 0 to 255."""
    if array.dtype == np.uint8:
        return array
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 255:
        raise BadRequest(f"the array is {array.dtype} with values from {low} to {high}; pixels have 0 to 255")
    return array.astype(np.uint8)


def _rgb(pixels: np.ndarray) -> np.ndarray:
    """Return new RGB pixels of H×W×1, 3 or 4, alpha over white."""
    if pixels.shape[2] == 4:
        colours = Pillow.fromarray(np.ascontiguousarray(pixels))
        sheet = Pillow.new("RGB", colours.size, "white")
        sheet.paste(colours, mask=colours)
        return np.array(sheet)
    return np.array(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), order="C")


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


def _layout(header: str) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return the dtype and the shape, both of which fit a picture or files of pictures."""
    dtype, shape = _DTYPE.search(header), _SHAPE.search(header)
    if dtype is None or shape is None:
        raise BadRequest(f"the npy header names no dtype or no shape; {_WANTED}")
    numbers = shape[1].strip().removesuffix(",").split(",") if shape[1].strip() else []
    if not all(number.strip().isdigit() and len(number.strip()) <= _MAX_DIGITS for number in numbers):
        raise BadRequest(f"the npy header's shape ({shape[1][:60]!r}) is no list of sizes; {_WANTED}")
    sizes, code = tuple(map(int, numbers)), dtype[1] or ""
    if _INTEGERS.fullmatch(code):
        one_file = len(sizes) == 1 and code[-1] == "1"
        good = one_file or len(sizes) == 2 or (len(sizes) in (3, 4) and sizes[-1] in (1, 3, 4))
    else:
        good = _FILES.fullmatch(code) is not None and len(sizes) < 2
    if not good:
        name = "a record" if dtype[2] else _name(code)
        turned = len(sizes) > 2 and sizes[-3] in (1, 3, 4) and sizes[-1] not in (1, 3, 4)
        first = ", channels first: move them to the end, as by numpy.moveaxis(array, -3, -1)" if turned else ""
        raise BadRequest(f"the array is {name} of shape {sizes}{first}; {_WANTED}")
    return np.dtype(code), sizes


def _name(code: str) -> str:
    """Return the name of a dtype: "|u1" → "uint8"."""
    kinds = {"b": "bool", "i": "int", "u": "uint", "f": "float", "c": "complex", "O": "object"}
    match = re.fullmatch(r"[|<>=]?([biufcO])([0-9]{0,2})", code)
    if match is None:
        return ascii(code)
    bits = "" if match[1] in "bO" else str(8 * int(match[2] or 0))
    return kinds[match[1]] + bits


add(Npy())
