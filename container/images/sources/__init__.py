"""Image sources of a request, one module per source, and images inside JSON."""

from container.errors import BadRequest
from container.images.base import Limits, Pictures, sources
from container.images.pixel_budget import PixelShare

__all__ = ["DEFAULT_SOURCE", "read_json", "sources"]
DEFAULT_SOURCE = "base64"  # of a plain string


def read_json(value: object, limits: Limits, share: PixelShare | None = None) -> Pictures:
    """Return the images of one JSON value: {"type": a source's name, "value": "…"}, or a plain base64 string.

    Raises BadRequest for other shapes, and for types not allowed in JSON.
    """
    if isinstance(value, str):
        return sources[DEFAULT_SOURCE].read(value, limits, share)
    allowed = ", ".join(sorted(name for name in sources if sources[name].in_json))
    if not isinstance(value, dict) or "type" not in value or "value" not in value:
        raise BadRequest(f'an image is a string of base64 or {{"type": …, "value": …}}; allowed types: {allowed}')
    kind = value["type"]
    if not isinstance(kind, str) or kind not in sources or not sources[kind].in_json:
        shown = ascii(kind[:40]) if isinstance(kind, str) else "no string"
        raise BadRequest(f"the image type is {shown}; allowed types: {allowed}")
    return sources[kind].read(value["value"], limits, share)
