"""Pictures out of a request body, by its content type."""

import json
from typing import NamedTuple

from container.errors import BadRequest, UnsupportedMediaType
from container.images.json_form import read_json
from container.images.limits import Limits
from container.images.sources._base import sources
from container.images.sources.npy import is_batch
from container.structures import Image

_UNTYPED = ("", "application/x-image", "application/octet-stream", "application/x-www-form-urlencoded")
MOST_PARTS = 10_000
READ = "image/* (JPEG, PNG, WebP, GIF, BMP, TIFF), application/octet-stream, application/x-npy, application/json"


class Pictures(NamedTuple):
    """The pictures of one request."""

    images: list[Image]
    batch: bool  # sent as an array of pictures, and so answered by one, even where it holds a single picture


def read_pictures(content_type: str, content_encoding: str, body: bytes, limits: Limits) -> Pictures:
    """The pictures in a body.

    Bytes of a picture are recognised by what they are: clients, and batch transforms over mixed folders, name the
    wrong image type, none, or curl's application/x-www-form-urlencoded.
    """
    if content_encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(f"Content-Encoding {content_encoding[:40]!r} is not read; send the body as it is")
    media_type = content_type.split(";")[0].strip().lower()
    if media_type == "application/json":
        return Pictures(_read_document(body, limits), batch=False)
    if media_type == "application/x-npy":
        return Pictures(sources["npy"].read(body, limits), is_batch(body))
    if (media_type.startswith("image/") and media_type != "image/svg+xml") or media_type in _UNTYPED:
        return Pictures(sources["encoded"].read(body, limits), batch=False)
    raise UnsupportedMediaType(f"Content-Type {media_type[:60]!r} is not read; there is " + READ)


def read_json_body(body: bytes) -> object:
    """The value of a JSON body; ValueError or RecursionError where it is none, BadRequest where it has too many parts.

    25 MB of empty objects take 620 MB once they are read, and a second in which nothing else runs.
    """
    parts = sum(map(body.count, (b",", b"[", b"{")))  # base64 has none of them
    if parts > MOST_PARTS:
        raise BadRequest(f"the JSON body has {parts} commas and opening brackets; at most {MOST_PARTS} are allowed")
    return json.loads(body)


def _read_document(body: bytes, limits: Limits) -> list[Image]:
    try:
        document = read_json_body(body)
    except (ValueError, RecursionError):
        raise BadRequest("the body is not JSON", hint=_JSON_HINT) from None
    if not isinstance(document, dict) or "image" not in document:
        raise BadRequest("the JSON body has no key `image`", hint=_JSON_HINT)
    return read_json(document["image"], limits)


_JSON_HINT = '{"image": {"type": "base64", "value": "…"}}'
