"""What is no picture read here is called by its name, with what to do."""

import base64
import gzip
import io
import json
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image as Pillow

from container.errors import UnsupportedMediaType
from container.images.base import Limits
from container.images.decode import NAMES, decode
from tests.images.pictures import chunk, encode, png, smooth, tiff

JPEG = encode(smooth(), "JPEG")
BASE64 = base64.b64encode(JPEG)


def _box(brand: bytes, *more: bytes) -> bytes:
    """The beginning of an ISO base media file."""
    brands = brand + bytes(4) + b"".join(more)
    return (len(brands) + 8).to_bytes(4, "big") + b"ftyp" + brands + bytes(2000)


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.jpg", JPEG)
    return out.getvalue()


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("a.jpg"))
    return out.getvalue()


def _npy() -> bytes:
    out = io.BytesIO()
    np.save(out, smooth())
    return out.getvalue()


def _dng() -> bytes:
    return tiff(4, 4, bytes(16), t50706=(1,))


@pytest.mark.parametrize(
    ("data", "name", "advice"),
    [
        (_box(b"heic", b"mif1", b"heic"), "HEIC", "Most Compatible"),
        (_box(b"mif1", b"heic"), "HEIC", "Most Compatible"),
        (_box(b"crx "), "raw photo", "develop"),
        (_box(b"isom", b"avc1"), "video", "one frame"),
        (_box(b"qt  "), "video", "one frame"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video", "one frame"),
        (b"\x1aE\xdf\xa3" + bytes(50), "video", "one frame"),
        (b"RIFF\x10\0\0\0AVI LIST", "video", "one frame"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "sound", "picture"),
        (encode(smooth(), "JPEG2000"), "JPEG 2000", "convert"),
        (b"\xff\x4f\xff\x51" + bytes(50), "JPEG 2000", "convert"),
        (b"\xff\x0a" + bytes(50), "JPEG XL", "convert"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", "convert"),
        (encode(smooth(), "ICO"), "icon", "convert"),
        (b"8BPS\0\1", "Photoshop", "convert"),
        (encode(smooth(), "TGA"), "Targa", "convert"),
        (encode(smooth(), "SGI"), "SGI", "convert"),
        (b"\x59\xa6\x6a\x95" + bytes(28), "Sun raster", "convert"),
        (b"IIU\0\x08\0\0\0", "raw photo", "develop"),
        (_dng(), "raw photo", "develop"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(4) + tiff(4, 4, bytes(16))[8:], "raw photo", "develop"),
        (tiff(4, 4, bytes(16), t254=(1,), t330=(8,)), "raw photo", "develop"),
        (b"\x76\x2f\x31\x01\2\0\0\0", "OpenEXR", "convert"),
        (b"#?RADIANCE\n", "Radiance", "convert"),
        (encode(smooth(), "PPM"), "Netpbm", "convert"),
        (b"Pf\n3 2\n-1.0\n", "Netpbm", "convert"),
        (bytes(128) + b"DICM", "DICOM", "export"),
        (b"%PDF-1.7\n", "PDF", "page"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript", "convert"),
        (_zip(), "ZIP", "unpack"),
        (_tar(), "archive", "unpack"),
        (gzip.compress(JPEG), "gzip", "unpacked"),
        (_npy(), "NumPy", "application/x-npy"),
        (b"\x80\x04cos\nsystem\n", "pickle", "file of the picture"),
        (bytes(100), "zeros", "reserved"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS", "git lfs pull"),
        (BASE64, "base64", '"type": "base64"'),
        (b'"' + BASE64 + b'"', "base64", '"type": "base64"'),
        (base64.encodebytes(encode(smooth())), "base64", '"type": "base64"'),
        (base64.urlsafe_b64encode(encode(smooth(), "WEBP")), "base64", '"type": "base64"'),
        (b"data:image/jpeg;base64," + BASE64, "base64", '"type": "base64"'),
        (b"data:image/svg+xml,%3Csvg", "data: URI", "decoded"),
        (b"https://example.com/a.jpg\n", "address", "bytes of the picture"),
        (b"<!DOCTYPE html><html><body>403 Forbidden</body></html>", "HTML", "downloaded"),
        (b"\xef\xbb\xbf\r\n<HTML>", "HTML", "downloaded"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML", "downloaded"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG", "draw"),
        (b"<?xml version='1.0'?>\n<!-- a -->\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG", "draw"),
        (json.dumps({"image": "…"}).encode(), "JSON", "application/json"),
        (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n', "form", "whole body"),
        (b"hello, world", "text", "file of the picture"),
        ("Grüße".encode() * 300, "text", "file of the picture"),
        ("a".encode("utf-16"), "UTF-16", "file of the picture"),
    ],
)
def test_it_is_named(data: bytes, name: str, advice: str) -> None:
    with pytest.raises(UnsupportedMediaType) as caught:
        decode(data, Limits())
    assert name in caught.value.message and advice in caught.value.hint
    assert "\n" not in caught.value.message and len(caught.value.message) < 200


@pytest.mark.parametrize("data", [b"\x00", b"\x01\x02\x03", b"\xfeabc", b"ab\0c", bytes(range(1, 60))])
def test_unknown_bytes_are_shown(data: bytes) -> None:
    with pytest.raises(UnsupportedMediaType, match=f"first bytes {data[:8].hex(' ')} .*allowed: {NAMES}"):
        decode(data, Limits())


def test_a_png_of_an_iphone_is_named() -> None:
    good = png(4, 4)
    data = good[:8] + chunk(b"CgBI", bytes(4)) + good[8:]
    with pytest.raises(UnsupportedMediaType, match="iPhones .CgBI.") as caught:
        decode(data, Limits())
    assert "pngcrush" in caught.value.hint


def test_a_drawing_with_a_long_beginning_is_told_quickly() -> None:
    with pytest.raises(UnsupportedMediaType, match="XML"):
        decode(b"<?xml " + b"<!-- " * 1_000_000, Limits())


def test_pictures_with_such_names_inside_are_pictures() -> None:
    assert decode(encode(Pillow.new("RGB", (2, 1), "red"), "BMP"), Limits()).size == (1, 2)
