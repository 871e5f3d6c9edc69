"""Parser of PNG chunks."""

import binascii
import struct
import zlib
from collections.abc import Iterator

from container.errors import BadImage, UnsupportedMediaType
from container.images.headers import tiff, xmp
from container.images.headers._base import Header, cut_short

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 100_000  # 25 MB in the usual chunks of 8 KB are 3,200
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_XMP = b"XML:com.adobe.xmp"
_RAW_PROFILES = (b"Raw profile type exif", b"Raw profile type APP1")  # ImageMagick's: hexadecimal digits
_MAX_TEXT = 1 << 20  # bytes; decompressed; no ordinary photo holds a megabyte of text
_STEP = 1 << 16  # bytes decompressed at once


def read(data: bytes) -> Header:
    """Parse width, height, bits in use and orientation; drop the chunks that affect no pixels.

    Only the critical chunks and tRNS are kept. Text, colour profiles and animation frames, which may decompress to a
    much larger size, never reach the decoder. Checksums are verified here, as Pillow does not verify those of IDAT.
    """
    if data[12:16] == b"CgBI":
        raise UnsupportedMediaType(
            "the PNG is optimised for iPhones (CgBI), which only Apple's programs read",
            "send the original, or convert it back with: pngcrush -revert-iphone-optimizations",
        )
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise cut_short("PNG")
    width, height, bits = struct.unpack_from(">IIB", data, 16)
    view = memoryview(data)
    kept: list[memoryview | bytes] = [SIGNATURE]
    block, texts, unpacked, depth = b"", dict[bytes, bytes](), 0, 0
    previous, pixels_begun = b"", False
    for name, start, end in _chunks(data):
        if name == b"IDAT" and pixels_begun and previous != name:
            raise BadImage("the PNG is damaged: its IDAT chunks do not follow one another")
        previous, pixels_begun = name, pixels_begun or name == b"IDAT"
        if name == b"eXIf":
            block = data[start + 8 : end - 4]
        if name == b"sBIT" and bits == 16:
            depth = max((one for one in data[start + 8 : end - 4] if 8 <= one <= 16), default=0)
        if name in _TEXTS:
            keyword, text, length = _text(name, data[start + 8 : end - 4])
            unpacked += length
            if unpacked > _MAX_TEXT:
                raise BadImage(f"the texts in the PNG unpack to more than {_MAX_TEXT} bytes, the most that are allowed")
            if keyword in (_XMP, *_RAW_PROFILES):
                texts.setdefault(keyword, text)
        if name == b"tRNS" or not name[0] & 0x20:  # an upper-case first letter: critical
            if zlib.crc32(view[start + 4 : end - 4]) != int.from_bytes(view[end - 4 : end], "big"):
                raise BadImage(f"the PNG is damaged: the checksum of a chunk of type {ascii(name)[1:]} is wrong")
            kept.append(view[start:end])
    return Header("PNG", width, height, b"".join(kept), _turn(block, texts), depth=depth)


def _turn(block: bytes, texts: dict[bytes, bytes]) -> int:
    """Return the orientation of the first that has one: EXIF, ImageMagick's profiles, XMP."""
    packets = [texts.get(_XMP, b"")]
    blocks = [block]
    for name in _RAW_PROFILES:
        profile = _unhexed(texts.get(name, b""))
        blocks.append(profile)
        packets.append(profile)
    return next((turn for turn in map(tiff.orientation, blocks) if turn), 0) or xmp.orientation(b"".join(packets))


def _unhexed(text: bytes) -> bytes:
    """Return the bytes of a raw profile: a line of its name, one of its length, and hexadecimal digits."""
    try:
        return binascii.unhexlify(b"".join(b"".join(text.split(b"\n")[3:]).split()))
    except binascii.Error:
        return b""


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


def _text(name: bytes, body: bytes) -> tuple[bytes, bytes, int]:
    """Return the keyword and the text, and how many bytes it unpacks to, counted to slightly over `_MAX_TEXT`."""
    keyword, _, text = body.partition(b"\0")
    packed = name == b"zTXt"
    if name == b"iTXt":
        packed = text[:1] == b"\1"
        text = text[2:].split(b"\0", 2)[-1]  # after the language and the translated keyword
    elif packed:
        text = text[1:]
    if not packed:
        return keyword, text, 0
    unpacker, parts, size = zlib.decompressobj(), list[bytes](), 0
    while text and size <= _MAX_TEXT:
        try:
            parts.append(unpacker.decompress(text, _STEP))
        except zlib.error:
            return keyword, b"", size + _STEP  # so that many damaged texts count, too
        size += len(parts[-1])
        text = unpacker.unconsumed_tail
    return keyword, b"".join(parts), size
