"""Where a picture may say how it stands: EXIF, XMP, and ImageMagick's profiles."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow
from PIL import ImageOps
from PIL.PngImagePlugin import PngInfo

from container.errors import BadImage
from container.images.base import Limits
from container.images.decode import decode, header
from container.images.sources import read_each, read_json
from tests.images.pictures import encode, exif, smooth

PLAIN = smooth()
ELEMENT = '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/"><tiff:Orientation>%d</tiff:Orientation>'
ATTRIBUTE = '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%d"/>'
EXIF_WITHOUT = b"II*\0\x08\0\0\0\0\0\0\0\0\0"


XMP_6 = PngInfo()
XMP_6.add_itxt("XML:com.adobe.xmp", ELEMENT % 6)


def _profile(block: bytes, name: str = "exif") -> str:
    """As ImageMagick writes it."""
    digits = block.hex()
    lines = [digits[i : i + 72] for i in range(0, len(digits), 72)]
    return f"\n{name}\n{len(block):8d}\n" + "\n".join(lines) + "\n"


def _png(*texts: tuple[str, str, bool, bool]) -> bytes:
    """With texts of (keyword, text, compressed, international)."""
    info = PngInfo()
    for keyword, text, packed, international in texts:
        (info.add_itxt if international else info.add_text)(keyword, text, zip=packed)
    return encode(PLAIN, pnginfo=info)


def _tiff(xmp: bytes, **tags: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, PLAIN, photometric="rgb", extratags=[(700, 1, len(xmp), xmp, True), *tags.get("extra", [])])
    return out.getvalue()


def _ways(value: int) -> dict[str, bytes]:
    element, attribute = (form % value for form in (ELEMENT, ATTRIBUTE))
    block = b"Exif\0\0" + exif(value)
    return {
        "PNG, element": _png(("XML:com.adobe.xmp", element, False, True)),
        "PNG, attribute": _png(("XML:com.adobe.xmp", attribute, False, True)),
        "PNG, packed": _png(("XML:com.adobe.xmp", element, True, True)),
        "PNG, tEXt": _png(("Raw profile type exif", _profile(block), False, False)),
        "PNG, zTXt": _png(("Raw profile type exif", _profile(block), True, False)),
        "PNG, iTXt": _png(("Raw profile type exif", _profile(exif(value, ">")), True, True)),
        "PNG, APP1": _png(("Raw profile type APP1", _profile(block, "APP1"), True, False)),
        "PNG, XMP in APP1": _png(("Raw profile type APP1", _profile(element.encode(), "APP1"), True, False)),
        "JPEG, element": encode(PLAIN, "JPEG", xmp=element.encode()),
        "JPEG, attribute": encode(PLAIN, "JPEG", xmp=attribute.encode()),
        "JPEG, EXIF without": encode(PLAIN, "JPEG", xmp=element.encode(), exif=b"Exif\0\0" + EXIF_WITHOUT),
        "WebP": encode(PLAIN, "WEBP", xmp=element.encode(), lossless=True),
        "WebP, EXIF without": encode(PLAIN, "WEBP", xmp=element.encode(), exif=EXIF_WITHOUT, lossless=True),
        "TIFF, element": _tiff(element.encode()),
        "TIFF, attribute": _tiff(attribute.encode()),
    }


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("way", _ways(1))
def test_it_stands_as_pillow_would_turn_it(way: str, value: int) -> None:
    data = _ways(value)[way]
    upright = decode(data, Limits()).pixels
    assert header(data).orientation == value
    if "APP1" not in way:  # which Pillow does not read
        with Pillow.open(io.BytesIO(data)) as picture:
            assert np.array_equal(upright, np.asarray(ImageOps.exif_transpose(picture)))
    assert upright.shape[:2] == ((64, 48) if value > 4 else (48, 64))


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_it_stays_as_it_is_stored_where_it_is_not_to_be_turned(kind: str, value: int) -> None:
    def file(orientation: int) -> bytes:
        tags = Pillow.Exif()
        tags[274] = orientation
        return encode(PLAIN, kind, exif=tags, **({"lossless": True} if kind == "WEBP" else {}))

    limits, text = replace(Limits(), upright=False), base64.b64encode(file(value)).decode()
    in_array = read_each([text, {"type": "base64", "value": text}], read_json, limits)
    for image in (decode(file(value), limits), *in_array.images):
        np.testing.assert_array_equal(image.pixels, decode(file(1), Limits()).pixels)
    assert decode(file(value), Limits()).size == ((64, 48) if value > 4 else (48, 64))


@pytest.mark.parametrize("way", _ways(1))
def test_no_other_place_turns_it_either(way: str) -> None:
    assert decode(_ways(6)[way], replace(Limits(), upright=False)).size == (48, 64)


@pytest.mark.parametrize(
    "data",
    [
        encode(PLAIN, "JPEG", xmp=(ELEMENT % 6).encode(), exif=b"Exif\0\0" + exif(8)),
        encode(PLAIN, "WEBP", xmp=(ELEMENT % 6).encode(), exif=exif(8)),
        encode(PLAIN, pnginfo=XMP_6, exif=exif(8)),
        _tiff((ELEMENT % 6).encode(), extra=[(274, 3, 1, 8, True)]),
    ],
)
def test_exif_goes_first(data: bytes) -> None:
    assert header(data).orientation == 8


def test_exif_that_says_upright_goes_first_too() -> None:
    """As in Pillow: XMP counts only where EXIF has no orientation."""
    data = encode(PLAIN, "JPEG", xmp=(ELEMENT % 6).encode(), exif=b"Exif\0\0" + exif(1))
    assert header(data).orientation == 1


@pytest.mark.parametrize(
    "text",
    ["", "<tiff:Orientation>9</tiff:Orientation>", "tiff:Orientation='16'", "<tiff:Orientation>", "Orientation=6"],
)
def test_xmp_that_says_nothing(text: str) -> None:
    assert header(_png(("XML:com.adobe.xmp", text, True, True))).orientation == 1


@pytest.mark.parametrize("text", ["", "\nexif\n", "\nexif\n 9\nxyz", "\nexif\n 9\n012", "\n\n\n" + "49492a00" * 5])
def test_profiles_that_say_nothing(text: str) -> None:
    assert header(_png(("Raw profile type exif", text, True, False))).orientation == 1


def test_texts_are_unpacked_within_a_limit() -> None:
    with pytest.raises(BadImage, match="texts"):
        header(_png(("XML:com.adobe.xmp", " " * (1 << 21), True, True)))
