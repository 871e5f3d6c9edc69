"""Image source: a URL that the server downloads; off unless the operator lists the hosts."""

from container.errors import BadRequest, setting_name
from container.images.base import Limits, Source, sources, wrong_kind
from container.images.decode import decode
from container.images.pixel_budget import PixelShare
from container.images.remote.fetch import fetch
from container.structures import Image


class Url(Source):
    """Reads one image from an https URL (str) on one of `Limits.url_hosts`."""

    in_json = True

    def read(self, value: object, limits: Limits, share: PixelShare | None = None) -> list[Image]:
        if not isinstance(value, str):
            raise wrong_kind("url", value, "a string with an https URL")
        if not limits.url_hosts:
            raise BadRequest(
                f"URL input is off on this server ({setting_name('url_hosts')} names no hosts)",
                "send the picture itself, or base64",
            )
        return [decode(fetch(value, limits), limits, share)]


sources.add("url", Url())
