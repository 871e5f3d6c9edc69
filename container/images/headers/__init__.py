"""What a file declares before any of it is decoded: its format by its first bytes, its size, its orientation.

Declared names, extensions and content types are not asked: the bytes decide.
"""

from collections.abc import Callable

from container.errors import UnsupportedMediaType
from container.images.headers import bmp, gif, jpeg, png, tiff, webp
from container.images.headers._base import Header

__all__ = ["FORMATS", "Header", "read"]

_READERS: dict[str, tuple[Callable[[bytes], bool], Callable[[bytes], Header]]] = {
    "JPEG": (lambda data: data.startswith(b"\xff\xd8\xff"), jpeg.read),
    "PNG": (lambda data: data.startswith(png.SIGNATURE), png.read),
    "WebP": (lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP", webp.read),
    "GIF": (lambda data: data.startswith((b"GIF87a", b"GIF89a")), gif.read),
    "BMP": (lambda data: data.startswith(b"BM"), bmp.read),
    "TIFF": (lambda data: data.startswith(tiff.SIGNATURES), tiff.read),
}
FORMATS = tuple(_READERS)


def read(data: bytes) -> Header:
    """What `data` declares; UnsupportedMediaType for any other format, BadImage where the header is broken."""
    for recognises, reader in _READERS.values():
        if recognises(data):
            return reader(data)
    raise UnsupportedMediaType(
        f"the first bytes {data[:8].hex(' ')} are of no known picture; allowed: {', '.join(FORMATS)}"
    )
