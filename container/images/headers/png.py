"""Parser of PNG chunks."""

import struct
import zlib
from collections.abc import Iterator

from container.errors import BadImage
from container.images.headers import tiff
from container.images.headers._base import Header, cut_short

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 100_000  # 25 MB in the usual chunks of 8 KB are 3,200
_TEXTS = (b"zTXt", b"iTXt")
_MAX_TEXT = 1 << 20  # bytes; decompressed; no ordinary photo holds a megabyte of text
_STEP = 1 << 16  # bytes decompressed at once


def read(data: bytes) -> Header:
    """Parse width, height and orientation; drop the chunks that affect no pixels.

    Only the critical chunks and tRNS are kept. Text, colour profiles and animation frames, which may decompress to a
    much larger size, never reach the decoder. Checksums are verified here, as Pillow does not verify those of IDAT.
    """
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise cut_short("PNG")
    width, height = struct.unpack_from(">II", data, 16)
    view = memoryview(data)
    kept: list[memoryview | bytes] = [SIGNATURE]
    block, text = b"", 0
    previous, pixels_begun = b"", False
    for name, start, end in _chunks(data):
        if name == b"IDAT" and pixels_begun and previous != name:
            raise BadImage("the PNG is damaged: its IDAT chunks do not follow one another")
        previous, pixels_begun = name, pixels_begun or name == b"IDAT"
        if name == b"eXIf":
            block = data[start + 8 : end - 4]
        if name in _TEXTS:
            text += _text_size(name, data[start + 8 : end - 4])
            if text > _MAX_TEXT:
                raise BadImage(f"the texts in the PNG unpack to more than {_MAX_TEXT} bytes, the most that are allowed")
        if name == b"tRNS" or not name[0] & 0x20:  # an upper-case first letter: critical
            if zlib.crc32(view[start + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
                raise BadImage(f"the PNG is damaged: the checksum of a chunk of type {ascii(name)[1:]} is wrong")
            kept.append(view[start:end])
    return Header("PNG", width, height, b"".join(kept), tiff.orientation(block))


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield (name, start, end) of each chunk up to IEND; BadImage if IEND is missing."""
    position = len(SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        length, name = struct.unpack_from(">I4s", data, position) if position + 12 <= len(data) else (len(data), b"")
        start, position = position, position + 12 + length
        if position > len(data):
            raise BadImage("the PNG is cut short: it has no end; send the whole file")
        yield name, start, position
        if name == b"IEND":
            return
    raise BadImage(f"the PNG is in more than {_MAX_CHUNKS} chunks, the most that are allowed")


def _text_size(name: bytes, body: bytes) -> int:
    """Return the decompressed length of a text in bytes, counted to slightly over `_MAX_TEXT` at most."""
    _, _, packed = body.partition(b"\0")
    if name == b"iTXt":
        if packed[:1] != b"\1":
            return 0
        packed = packed[2:].split(b"\0", 2)[-1]  # after the language and the translated keyword
    else:
        packed = packed[1:]
    unpacker, size = zlib.decompressobj(), 0
    while packed and size <= _MAX_TEXT:
        try:
            size += len(unpacker.decompress(packed, _STEP))
        except zlib.error:
            return size + _STEP  # so that many damaged texts count, too
        packed = unpacker.unconsumed_tail
    return size
