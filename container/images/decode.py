"""The bytes of one picture → an upright RGB `Image`, and nothing but a `ServingError` otherwise.

Cheap checks come first: length, format by its first bytes, declared size, number of scans; only then is memory taken.
Pillow's readers are named one by one and called directly, so no other plug-in of Pillow is ever tried.
"""

import ctypes
import io
import re
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from PIL import Image as Pillow
from PIL import _imaging
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from container import cores, memory
from container.errors import BadImage, BadRequest, OutOfMemory, ServingError
from container.images import headers
from container.images.limits import Limits
from container.images.rgb import to_rgb, upright
from container.structures import Image

_OPEN: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
}
_MEMORY = 16  # bytes that decoding may take for each pixel
# More decodes at a time than cores are no faster, and each takes memory.
_CORES = threading.BoundedSemaphore(cores.count())
_MUTED = ("ignore", None, Warning, re.compile(r"PIL\."), 0)

# Without a handler of its own libtiff writes about every damaged file to standard error, in lines that are not ours:
# other programs could not read the log, and a caller could fill it. That a file is damaged is answered to the caller.
with suppress(AttributeError, OSError):  # a Pillow without libtiff, or with one that it does not share
    _library = ctypes.CDLL(_imaging.__file__)  # finds what Pillow's own library was linked with, too
    _library.TIFFSetErrorHandler(None)
    _library.TIFFSetWarningHandler(None)
Pillow.MAX_IMAGE_PIXELS = None  # `Limits.max_pixels` is tested before Pillow is called


def decode(data: bytes, limits: Limits) -> Image:
    """The first frame of a JPEG, PNG, WebP, GIF, BMP or TIFF, EXIF orientation applied, alpha laid over white.

    BadRequest for no bytes, UnsupportedMediaType for other formats, PayloadTooLarge over `limits`, Unprocessable for
    0 pixels, BadImage for anything broken or cut short, Overloaded where `limits.room` stays taken. Safe to call from
    many threads at once.
    """
    if not data:
        raise BadRequest(f"the picture is 0 bytes long; send the bytes of a {', '.join(headers.FORMATS)}")
    header = headers.read(data)
    limits.check_pixels(header.width, header.height)
    limits.check_scans(header.scans, header.effort * header.width * header.height)
    _mute_pillow()
    try:
        with limits.room.decoding(header.width * header.height), _CORES:
            return limits.room.keep(Image(upright(_pixels(header, limits), header.orientation)))
    except ServingError:
        raise
    except Exception as error:  # hostile files make Pillow raise nearly every kind there is
        # libwebp and libjpeg say the same of a want of memory as of a damaged file.
        if memory.lacking(error) or not memory.obtainable(_MEMORY * header.width * header.height):
            message = f"no memory for a picture of {header.width}x{header.height}; try again, or send a smaller one"
            raise OutOfMemory(message) from error
        raise BadImage(f"the {header.format} is damaged or cut short; send the whole file") from error


def _pixels(header: headers.Header, limits: Limits) -> np.ndarray:
    with _OPEN[header.format](io.BytesIO(header.stream)) as picture:
        limits.check_pixels(*picture.size)  # Pillow may see another size than `headers`
        if header.format == "JPEG":
            picture.decodermaxblock = len(header.stream)  # libjpeg cannot wait for more of what is arithmetic-coded
        return to_rgb(picture)


def _mute_pillow() -> None:
    """Put the filter that drops Pillow's warnings first; `warnings.catch_warnings` is not safe with threads."""
    if warnings.filters[:1] != [_MUTED]:
        warnings.filterwarnings("ignore", module=r"PIL\.")
