"""Results as bytes. One public file here holds one kind of answer; `load()` finds them all."""

from container.formats._base import Format, Streamed, formats
from container.registry import load_plugins

__all__ = ["Format", "Streamed", "formats", "load"]


def load() -> None:
    """Import every format, so that `formats` knows it."""
    load_plugins(__name__)
