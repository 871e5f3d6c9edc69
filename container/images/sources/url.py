"""Image source: a URL that the server downloads; off unless the operator lists the hosts."""

from container.errors import BadRequest, setting_name
from container.images.base import Given, Limits, Pictures, Source, add, digest, wrong_kind
from container.images.decode import decode
from container.images.pixel_budget import PixelShare
from container.images.remote.fetch import fetch


class Url(Source):
    """Reads one image from an https URL (str) on one of `Limits.url_hosts`."""

    name = "url"
    in_json = True
    schema = {"type": "string", "format": "uri"}

    def available(self, limits: Limits) -> bool:
        """Return True if the operator has listed hosts."""
        return bool(limits.url_hosts)

    def read(self, value: object, limits: Limits, share: PixelShare | None = None) -> Pictures:
        return self.given(value, limits).read(limits, share)

    def given(self, value: object, limits: Limits) -> Given:
        """Fetch the file."""
        if not isinstance(value, str):
            raise wrong_kind("url", value, "a string with an https URL")
        if not self.available(limits):
            raise BadRequest(
                f"URL input is off on this server ({setting_name('url_hosts')} names no hosts)",
                "send the picture itself, or base64",
            )
        data = fetch(value, limits)
        return Given(digest(data), lambda limits, share: Pictures([decode(data, limits, share)]))


add(Url())
