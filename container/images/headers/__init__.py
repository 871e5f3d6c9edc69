"""Image header parsers, one module per format: size and orientation, before any decoding."""

from container.images.headers._base import Header, Samples

__all__ = ["Header", "Samples"]
