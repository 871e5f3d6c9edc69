"""Image source: one image file in base64, in any of the variants that clients use."""

import binascii

from container.errors import BadRequest
from container.images.base import Limits, Pictures, Source, add, wrong_kind
from container.images.decode import check_bytes, decode
from container.images.pixel_budget import PixelShare

_URL_SAFE = bytes.maketrans(b"-_", b"+/")


class Base64(Source):
    """Reads one image from a str (or ASCII bytes) of base64.

    Also accepted: a prefix as in "data:image/png;base64,", white space and line breaks, the URL-safe alphabet, missing
    padding.
    """

    name = "base64"
    in_json = True
    schema = {"type": "string", "format": "byte", "description": "The file of a picture"}

    def read(self, value: object, limits: Limits, share: PixelShare | None = None) -> Pictures:
        if not isinstance(value, str | bytes):
            raise wrong_kind("base64", value, "a string of base64")
        data = _decoded(value, limits)
        check_bytes(len(data), limits)
        return Pictures([decode(data, limits, share)])


def _decoded(value: str | bytes, limits: Limits) -> bytes:
    try:
        text = value.encode("ascii") if isinstance(value, str) else value
    except UnicodeEncodeError as error:
        raise _bad("it holds characters outside ASCII") from error
    if text[:5].lower() == b"data:":
        head, comma, text = text.partition(b",")
        if not comma or not head.lower().endswith(b";base64"):
            raise _bad('its data: prefix does not end in ";base64,"')
    text = text.translate(_URL_SAFE, delete=b" \t\r\n\f\v").rstrip(b"=")
    check_bytes(len(text) * 3 // 4, limits)
    if len(text) % 4 == 1:
        raise _bad(f"{len(text)} characters are one too many or three too few")
    try:
        return binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)
    except binascii.Error as error:
        raise _bad("it holds characters outside its alphabet") from error


def _bad(reason: str) -> BadRequest:
    return BadRequest(f"the value is not base64: {reason}; allowed: A-Z a-z 0-9 + / (or - _) and = at the end")


add(Base64())
