"""The interface of an image source, the limits of images, and the registry of all sources."""

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from container.errors import BadRequest
from container.images.pixel_budget import PixelShare
from container.registry import Registry
from container.structures import Image

_HOST = re.compile(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*|(?=.*:.*:)[0-9a-f:.]+", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """What images of a request may be, and whether they are turned; ValueError for `url_hosts` that are no names."""

    max_pixels: int = 50_000_000  # of one image; decoding takes up to about 16 bytes of memory per pixel
    max_scans: int = 100  # of one JPEG, and at most 30 of one with `max_pixels`; photos have 1 to 14
    max_body_bytes: int = 25 * 1024 * 1024  # of one image file, as sent, decoded from base64 or downloaded
    url_hosts: tuple[str, ...] = ()  # "images.example.com" or ".example.com" (all subdomains); empty: URL input is off
    url_timeout: float = 10.0  # seconds per download, including name lookup and redirects
    max_images: int = 256  # of one request
    upright: bool = True  # turn images as EXIF, XMP or their format say; False: leave them as they are stored

    def __post_init__(self) -> None:
        for host in self.url_hosts:
            if not _HOST.fullmatch(host):
                raise ValueError(
                    f"url_hosts holds {host!r}; allowed: host names, as images.example.com or .example.com"
                )


class Pictures(NamedTuple):
    """The images of one request."""

    images: list[Image]
    batch: bool = False  # sent as an array, so that the response is one, too, even for a single image


class Given(NamedTuple):
    """The images in a value of a request, not decoded yet."""

    content: bytes  # the digest of what they are decoded from: equal for equal images in the same form
    read: Callable[[Limits, PixelShare | None], Pictures]


class Source(ABC):
    """A plug-in that reads images from a value of a request; a subclass in a file of `sources`, and one `add`."""

    name: str
    in_json = False  # True if {"type": its name, "value": "…"} may select it
    media_types: tuple[str, ...] = ()  # of bodies that it reads
    begins = b""  # the first bytes of such a body, looked for where its media type says nothing
    schema: Mapping[str, Any] = {"type": "string"}  # JSON schema of its value

    def available(self, limits: Limits) -> bool:
        """Return True unless `limits` turn it off."""
        return True

    @abstractmethod
    def read(self, value: object, limits: Limits, share: PixelShare | None = None) -> Pictures:
        """Return the images in `value`, counted in `share`; BadRequest if `value` has the wrong type."""

    def given(self, value: object, limits: Limits) -> Given:
        """Return the images in `value`, fetched if necessary; raises the errors of `read` but for those of decoding."""
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        return Given(digest(data), partial(self.read, value))


def digest(data: bytes | memoryview) -> bytes:
    """Return the digest of what images are decoded from: 8 ms for 5 MB."""
    return hashlib.blake2b(data, digest_size=20).digest()


def given_image(image: Image) -> Given:
    """Return an image that is decoded already; its content is that of its pixels."""
    content = digest(np.ascontiguousarray(image.pixels).data) + repr(image.size).encode()
    return Given(content, lambda limits, share: Pictures([image]))


sources: Registry[Source] = Registry("source", "container.images.sources")


def add(source: Source) -> None:
    """Register a source under its name; ValueError if the name is taken."""
    sources.add(source.name, source)


def wrong_kind(name: str, value: object, wanted: str) -> BadRequest:
    """Return the error for a value of a Python type that the source does not accept."""
    return BadRequest(f"the value of {name!r} is {_JSON_NAMES.get(type(value), 'not readable')}; wanted: {wanted}")


_JSON_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
    bytes: "raw bytes",
}
