"""Pictures inside JSON: {"type": "base64" or "url", "value": "…"}, or a plain string of base64."""

from container.errors import BadRequest
from container.images.limits import Limits
from container.images.sources._base import sources
from container.registry import load_plugins
from container.structures import Image

load_plugins("container.images.sources")


def read_json(value: object, limits: Limits) -> list[Image]:
    """The pictures that one JSON value stands for; BadRequest for other shapes and for types not allowed in JSON."""
    if isinstance(value, str):
        return sources["base64"].read(value, limits)
    allowed = ", ".join(sorted(name for name in sources if sources[name].in_json))
    if not isinstance(value, dict) or "type" not in value or "value" not in value:
        raise BadRequest(f'an image is a string of base64 or {{"type": …, "value": …}}; allowed types: {allowed}')
    kind = value["type"]
    if not isinstance(kind, str) or kind not in sources or not sources[kind].in_json:
        shown = ascii(kind[:40]) if isinstance(kind, str) else "no string"
        raise BadRequest(f"the image type is {shown}; allowed types: {allowed}")
    return sources[kind].read(value["value"], limits)
