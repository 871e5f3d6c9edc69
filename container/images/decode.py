"""Decoding of one image file into an RGB `Image`; every failure is a `ServingError`.

Cheap checks come first: length, format by its first bytes, declared size, number of scans; only then memory is
allocated. Pillow's readers are listed here and called directly, so that no other Pillow plug-in ever runs.
"""

import ctypes
import io
import re
import threading
import warnings
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import AvifImagePlugin, _imaging
from PIL import Image as Pillow
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from container import cores, memory
from container.errors import (
    BadImage,
    BadRequest,
    OutOfMemory,
    PayloadTooLarge,
    ServingError,
    Unprocessable,
    setting_name,
)
from container.images import samples
from container.images.base import Limits
from container.images.headers import Header, avif, bmp, gif, jpeg, png, tiff, webp
from container.images.kinds import refusal
from container.images.pixel_budget import PixelShare
from container.images.rgb import to_rgb, upright
from container.structures import Image


class _Format(NamedTuple):
    begins: re.Pattern[bytes]  # matches the first bytes of its files
    read_header: Callable[[bytes], Header]
    open: Callable[[io.BytesIO], ImageFile]


_FORMATS = {
    "JPEG": _Format(re.compile(rb"\xff\xd8\xff"), jpeg.read, JpegImageFile),
    "PNG": _Format(re.compile(re.escape(png.SIGNATURE)), png.read, PngImageFile),
    "WebP": _Format(re.compile(rb"RIFF.{4}WEBP", re.DOTALL), webp.read, WebPImageFile),
    "GIF": _Format(re.compile(rb"GIF8[79]a"), gif.read, GifImageFile),
    "BMP": _Format(re.compile(rb"BM"), bmp.read, BmpImageFile),
    "TIFF": _Format(re.compile(b"|".join(map(re.escape, tiff.SIGNATURES))), tiff.read, TiffImageFile),
    "AVIF": _Format(re.compile(rb".{4}ftyp(?:.{4}){0,8}?avi[fs]", re.DOTALL), avif.read, AvifImageFile),
}
NAMES = ", ".join(_FORMATS)
MEDIA_TYPES = tuple(f"image/{name.lower()}" for name in _FORMATS)
_SCANS_OF_LARGEST = 30  # scans of an image of max_pixels; at most 1.5 s for 50 MP
_SAMPLE_BYTES = 8  # for each pixel of max_pixels: RGB and alpha in 16 bits; twice that is held while they are sorted
_MEMORY = 16  # bytes that decoding may allocate per pixel
# More concurrent decodes than cores are no faster, and each takes memory.
_CORES = threading.BoundedSemaphore(cores.count())
_MUTED = ("ignore", None, Warning, re.compile(r"PIL\."), 0)

# By default libtiff prints a message about every damaged file to standard error, not in the format of our log: other
# programs could not parse the log, and a client could fill it. The client learns of a damaged file from the response.
with suppress(AttributeError, OSError):  # a Pillow without libtiff, or with a statically linked one
    _library = ctypes.CDLL(_imaging.__file__)  # also finds the symbols of the libraries that it is linked with
    _library.TIFFSetErrorHandler(None)
    _library.TIFFSetWarningHandler(None)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # as many pictures as cores are decoded at once
Pillow.MAX_IMAGE_PIXELS = None  # `check_pixels` runs before Pillow is called


def decode(data: bytes, limits: Limits, share: PixelShare | None = None) -> Image:
    """Return the first frame of a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF, turned upright, alpha over white.

    It is not turned where `limits` say so. Its pixels are counted in `share` (None: not counted). Thread-safe. Raises
    BadRequest for an empty file, UnsupportedMediaType for other formats, PayloadTooLarge over `limits`, Unprocessable
    for 0 pixels, BadImage for a damaged or truncated file, Overloaded if the pixel budget stays exhausted, OutOfMemory.
    """
    if not data:
        raise BadRequest(f"the picture is 0 bytes long; send the bytes of a {NAMES}")
    form = _format_of(data)
    header = form.read_header(data)
    pixels = header.width * header.height
    check_pixels(header.width, header.height, limits)
    times = 2 if header.other else 1  # that it is decoded
    check_scans(header.scans, times * header.effort * pixels, limits)
    weight = times * check_samples(header, limits)
    _mute_pillow()
    try:
        with share.decoding(pixels, weight) if share else nullcontext(), _CORES:
            found = []
            for stream in filter(None, (header.stream, header.other)):
                with form.open(io.BytesIO(stream)) as picture:
                    if header.samples is None and picture.size != (header.width, header.height):
                        check_pixels(*picture.size, limits)  # Pillow may read another size than `headers`
                    if header.format == "JPEG":
                        picture.decodermaxblock = len(stream)  # libjpeg cannot suspend within arithmetic coding
                    if header.samples is None:
                        found.append(to_rgb(picture, partial(form.open, io.BytesIO(stream)), header.depth))
                    else:
                        found.append(samples.to_rgb(picture, (header.height, header.width), header.samples))
            if header.other and not np.array_equal(found[0], found[1]):
                raise BadImage(f"the {header.format} is cut short: some of its pixels are missing; send the whole file")
            return Image(upright(found[0], header.orientation) if limits.upright else found[0])
    except ServingError:
        raise
    except Exception as error:  # malicious files make Pillow raise almost any exception
        # libwebp and libjpeg report a lack of memory in the same way as a damaged file.
        if memory.lacking(error) or not memory.obtainable(_MEMORY * weight * pixels):
            message = f"no memory for a picture of {header.width}x{header.height}; try again, or send a smaller one"
            raise OutOfMemory(message) from error
        raise BadImage(f"the {header.format} is damaged or cut short; send the whole file") from error


def recognised(data: bytes) -> bool:
    """Return True for a file of a format that is read, by its first bytes."""
    return any(form.begins.match(data) for form in _FORMATS.values())


def header(data: bytes) -> Header:
    """Return what a picture declares, without decoding it; raises UnsupportedMediaType or BadImage."""
    return _format_of(data).read_header(data)


def _format_of(data: bytes) -> _Format:
    """Return the format by the first bytes, ignoring name and media type; UnsupportedMediaType for any other."""
    for form in _FORMATS.values():
        if form.begins.match(data):
            return form
    raise refusal(data, NAMES, recognised)


def check_bytes(count: int, limits: Limits) -> None:
    """Raise PayloadTooLarge for a file over `max_body_bytes`."""
    if count > limits.max_body_bytes:
        raise PayloadTooLarge(
            f"the picture is {count} bytes long; "
            f"at most {limits.max_body_bytes} are allowed ({setting_name('max_payload_mb')})"
        )


def check_pixels(width: int, height: int, limits: Limits) -> None:
    """Raise PayloadTooLarge over `max_pixels`, and Unprocessable if a side is 0."""
    if not (width and height):
        raise Unprocessable(f"the picture has no pixels: {width}x{height}; width and height must be 1 or more")
    if width * height > limits.max_pixels:
        raise PayloadTooLarge(
            f"the picture declares {width}x{height} = {width * height} pixels; "
            f"at most {limits.max_pixels} are allowed ({setting_name('max_pixels')})"
        )


def check_scans(scans: int, pixels: int, limits: Limits) -> None:
    """Raise PayloadTooLarge over `max_scans`, or fewer for large images: each scan processes all `pixels` again."""
    allowed = min(limits.max_scans, _SCANS_OF_LARGEST * limits.max_pixels // pixels)
    if scans > allowed:
        raise PayloadTooLarge(
            f"the JPEG holds {scans} scans; at most {allowed} are allowed for its size "
            f"({setting_name('max_scans')}, {setting_name('max_pixels')})"
        )


def check_samples(header: Header, limits: Limits) -> int:
    """Return the memory for decoding, in multiples of that of 8-bit RGB; PayloadTooLarge over `_SAMPLE_BYTES`.

    Only a TIFF of floats, or of many bands, has that many.
    """
    if header.samples is None:
        return 1
    size = header.samples.across * header.height * header.samples.bytes_per_pixel
    if size > _SAMPLE_BYTES * limits.max_pixels:
        raise PayloadTooLarge(
            f"the TIFF's samples declare {header.width}x{header.height} pixels of "
            f"{header.samples.bytes_per_pixel} bytes = {size} bytes; at most {_SAMPLE_BYTES * limits.max_pixels} "
            f"are allowed ({_SAMPLE_BYTES} times {setting_name('max_pixels')})"
        )
    return 1 + header.samples.bytes_per_pixel // 4


def _mute_pillow() -> None:
    """Put a filter that drops Pillow's warnings first; `warnings.catch_warnings` is not thread-safe."""
    if warnings.filters[:1] != [_MUTED]:
        warnings.filterwarnings("ignore", module=r"PIL\.")
