"""Builders of encoded pictures for the tests, good and hostile."""

import io
import struct
import zlib

import numpy as np
from PIL import Image as Pillow


def encode(picture: Pillow.Image | np.ndarray, format: str = "PNG", **options: object) -> bytes:
    """The bytes of a picture or of uint8 pixels."""
    if isinstance(picture, np.ndarray):
        picture = Pillow.fromarray(picture)
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def noise(height: int = 48, width: int = 64, channels: int = 3) -> np.ndarray:
    """uint8 H×W×channels that compresses badly, so that a cut falls into pixels."""
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def smooth(height: int = 48, width: int = 64) -> np.ndarray:
    """uint8 H×W×3 that JPEG keeps nearly as it is; no two corners are alike."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([255 * y / height, 255 * x / width, np.full((height, width), 90)], axis=2).astype(np.uint8)


def chunk(name: bytes, body: bytes = b"") -> bytes:
    """One chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *chunks: bytes, depth: int = 8, kind: int = 2) -> bytes:
    """A PNG that declares a size, with the chunks given between its header and its end."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND")


def idat(rows: bytes) -> bytes:
    """The chunk of the pixels; each row begins with its filter byte."""
    return chunk(b"IDAT", zlib.compress(rows))


def tiff(width: int, height: int, pixels: bytes, order: str = "<", **tags: tuple[int, ...]) -> bytes:
    """An uncompressed TIFF in one strip; `tags`, as t258=(8, 8, 8), are put over the usual ones."""
    values: dict[int, tuple[int, ...]] = {256: (width,), 257: (height,), 258: (8,), 259: (1,), 262: (1,), 277: (1,)}
    values |= {278: (height,), 279: (len(pixels),), 273: (0,)} | {int(k[1:]): v for k, v in tags.items()}
    start = 8 + 2 + 12 * len(values) + 4
    longer = {tag: start + len(pixels) for tag, value in values.items() if len(value) * 4 > 4}
    extra = b""
    for tag in longer:
        longer[tag] = start + len(pixels) + len(extra)
        extra += struct.pack(f"{order}{len(values[tag])}H", *values[tag])
    rows = b""
    for tag, value in sorted(values.items()):
        if tag == 273:
            value = (start,)
        if tag in longer:
            rows += struct.pack(order + "HHII", tag, 3, len(value), longer[tag])
        else:
            rows += struct.pack(order + "HHII", tag, 4, 1, value[0])
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "IH", 8, len(values)) + rows + bytes(4) + pixels + extra


def exif(orientation: int, order: str = "<", tag_type: int = 3) -> bytes:
    """An EXIF block that holds nothing but the orientation."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(
        order + ("HH" if tag_type == 3 else "I"), *((orientation, 0) if tag_type == 3 else (orientation,))
    )
    return mark + struct.pack(order + "IHHHI", 8, 1, 274, tag_type, 1) + value + bytes(4)


def with_app1(jpeg: bytes, block: bytes) -> bytes:
    """A JPEG with an EXIF segment put in front of all others."""
    body = b"Exif\0\0" + block
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again; each may only refine, so libjpeg reads them all."""
    jpeg = encode(smooth(), "JPEG", progressive=True)
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * count + jpeg[-2:]
