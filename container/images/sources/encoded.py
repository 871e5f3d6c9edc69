"""The file of one picture, as it is."""

from container.images.decode import decode
from container.images.limits import Limits
from container.images.sources._base import Source, sources, wrong_kind
from container.structures import Image


class Encoded(Source):
    """bytes of a JPEG, PNG, WebP, GIF, BMP or TIFF → one picture."""

    def read(self, value: object, limits: Limits) -> list[Image]:
        if not isinstance(value, bytes):
            raise wrong_kind("encoded", value, "the bytes of a picture")
        limits.check_bytes(len(value))
        return [decode(value, limits)]


sources.add("encoded", Encoded())
