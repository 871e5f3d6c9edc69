"""What bytes are that are no picture read here, in words, and what to do about it."""

import binascii
import codecs
import re
from collections.abc import Callable
from typing import NamedTuple

from container.errors import UnsupportedMediaType

_LOOKED_AT = 1024  # bytes
_CONVERT = "convert it to JPEG or PNG"
_IPHONE = "on the iPhone choose Settings > Camera > Formats > Most Compatible, or convert it to JPEG"
_DEVELOP = "develop it, and send it as JPEG, PNG or TIFF"
_FRAME = "send one frame of it, as JPEG or PNG"
_PACKED = "unpack it, and send one picture per request"
_ADDRESS = "look at what was downloaded: its address answered with this in the place of a picture"
_BASE64 = 'send the decoded bytes, or JSON: {"image": {"type": "base64", "value": "…"}}'
_AS_JSON = "send it with Content-Type: application/json"


class _Kind(NamedTuple):
    begins: re.Pattern[bytes]
    name: str
    advice: str


def _kind(pattern: bytes, name: str, advice: str = _CONVERT) -> _Kind:
    return _Kind(re.compile(pattern, re.DOTALL), name, advice)


_BRANDS = (  # of ISO's base media files: behind a length and "ftyp" the major brand, a version, and all brands
    _kind(rb"hei[cmsx]|hev[cmsx]|mif1|msf1", "a HEIC photo", _IPHONE),
    _kind(rb"crx ", "a camera's raw photo (CR3)", _DEVELOP),
    _kind(rb"", "a video (MP4 or QuickTime)", _FRAME),
)
_KINDS = (
    _kind(rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    _kind(rb"\xff\x0a|\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    _kind(rb"\x00\x00[\x01\x02]\x00[^\x00]", "a Windows icon or cursor (ICO, CUR)"),
    _kind(rb"8BP[SB]", "a Photoshop file (PSD)"),
    _kind(rb"IIR[OS]|MMOR|IIU\x00|FUJIFILM|FOVb|\x00MRM", "a camera's raw photo", _DEVELOP),
    _kind(rb"\x76\x2f\x31\x01", "an OpenEXR picture"),
    _kind(rb"#\?(?:RADIANCE|RGBE)", "a Radiance picture (HDR)"),
    _kind(rb"P[1-7][\s#]|P[Ff]\s", "a Netpbm picture (PBM, PGM, PPM, PAM, PFM)"),
    _kind(rb"icns", "a macOS icon (ICNS)"),
    _kind(rb"qoif", "a QOI picture"),
    _kind(rb"\x01\xda[\x00\x01][\x01\x02]", "an SGI picture"),
    _kind(rb"\x59\xa6\x6a\x95", "a Sun raster picture"),
    _kind(rb"[\x00-\x1e][\x00\x01](?:[\x01-\x03]|[\x09-\x0b])\x00\x00[^\x00]?\x00{3}", "a Targa picture (TGA)"),
    _kind(rb"DDS ", "a DirectDraw texture (DDS)"),
    _kind(rb"\x0a[\x00-\x05]\x01[\x01\x02\x04\x08]", "a PCX picture"),
    _kind(rb".{128}DICM", "a DICOM file", "export the picture in it as PNG or TIFF"),
    _kind(rb"SIMPLE  =", "a FITS file", "convert it to TIFF"),
    _kind(rb"\x89HDF\r\n\x1a\n", "an HDF5 file", "export the picture in it as PNG or TIFF"),
    _kind(rb"\x93NUMPY", "a NumPy array (.npy)", "send it with Content-Type: application/x-npy"),
    _kind(rb"%PDF", "a PDF", "send a page of it as JPEG or PNG"),
    _kind(rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file", "convert it to PNG"),
    _kind(rb"PK(?:\x03\x04|\x05\x06|\x07\x08)", "a ZIP archive, or a document made of one", _PACKED),
    _kind(rb"\x1f\x8b", "gzip data", "send it unpacked"),
    _kind(rb"BZh[1-9]|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!|.{257}ustar", "an archive", _PACKED),
    _kind(rb"\x1aE\xdf\xa3|RIFF.{4}AVI |FLV\x01|\x00\x00\x01[\xb3\xba]", "a video", _FRAME),
    _kind(rb"RIFF.{4}WAVE|ID3|OggS|fLaC", "a sound file", "send a picture"),
    _kind(rb"\xff\xfe|\xfe\xff", "text in UTF-16", "send the bytes of the file of the picture"),
    _kind(rb"\x00{16,}\Z", "nothing but zeros", "look at how the file was written: its place was reserved only"),
    _kind(rb"\x80[\x02-\x05]", "a Python pickle", "send the bytes of the file of the picture"),
)
_TEXTS = (
    _kind(rb"version https://git-lfs", "a pointer of Git LFS instead of the file", "fetch the file: git lfs pull"),
    _kind(rb"(?i)data:[^,]{0,200};base64,", "a data: URI with base64", _BASE64),
    _kind(rb"(?i)data:", "a data: URI", _BASE64),
    _kind(rb"(?i)(?:https?|s3|gs|file)://\S+\Z", "an address", "send the bytes of the picture"),
    _kind(rb"(?i)<!doctype html|<html|<head|<body", "an HTML page", _ADDRESS),
    _kind(rb"(?i)(?:<\?xml.*|<!doctype\s.*|<!--.*)?<svg", "an SVG drawing", "draw it as a PNG"),
    _kind(rb"<\?xml|<[A-Za-z]", "XML", _ADDRESS),
    _kind(rb"--[^\r\n]{1,200}\r?\nContent-", "a form (multipart)", "send the bytes of the picture as the whole body"),
    _kind(rb"[{\[]", "JSON", _AS_JSON),
    _kind(rb"", "text", "send the bytes of the file of the picture"),
)
_BASE64_TEXT = re.compile(rb"[\"']?([A-Za-z0-9+/_-]{16,})")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def refusal(data: bytes, allowed: str, is_picture: Callable[[bytes], bool]) -> UnsupportedMediaType:
    """Return the error for bytes of no format that is read: the kind by its first bytes, and what to do.

    `is_picture` says whether a file that begins with some bytes is read; base64 of one is named.
    """
    beginning = data[:_LOOKED_AT]
    kind = _of_file(beginning) or _of_text(beginning, is_picture)
    if kind is None or kind is _TEXTS[-1]:
        also = "" if kind is None else f", but of {kind.name}"
        reason = f"the first bytes {data[:8].hex(' ')} are of no known picture{also}; allowed: {allowed}"
        return UnsupportedMediaType(reason, "" if kind is None else kind.advice)
    return UnsupportedMediaType(f"what was sent is {kind.name}, which is not read; allowed: {allowed}", kind.advice)


def _of_file(beginning: bytes) -> _Kind | None:
    if beginning[4:8] == b"ftyp":
        brands = beginning[8 : int.from_bytes(beginning[:4], "big")]
        return next(kind for kind in _BRANDS if kind.begins.match(brands))
    if beginning[4:8] in (b"moov", b"mdat", b"wide"):
        return _BRANDS[-1]
    return next((kind for kind in _KINDS if kind.begins.match(beginning)), None)


def _of_text(beginning: bytes, is_picture: Callable[[bytes], bool]) -> _Kind | None:
    text = beginning.removeprefix(b"\xef\xbb\xbf").strip()
    if not text or _CONTROL.search(text):
        return None
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)  # which allows for a last character that is cut in two
    except UnicodeDecodeError:
        return None
    if (found := _BASE64_TEXT.match(text)) and is_picture(_decoded(found[1])):
        return _kind(b"", "base64 of a picture", _BASE64)
    return next(kind for kind in _TEXTS if kind.begins.match(text))


def _decoded(text: bytes) -> bytes:
    text = text[: len(text) // 4 * 4].translate(bytes.maketrans(b"-_", b"+/"))
    return binascii.a2b_base64(text)
