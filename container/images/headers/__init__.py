"""What a file declares before any of it is decoded: its size, its orientation; one file a format."""

from container.images.headers._header import Header

__all__ = ["Header"]
