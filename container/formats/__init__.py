"""Results as bytes; one public file here holds one kind of answer, and `formats` finds them all."""

from container.formats._base import Format, Streamed, add, formats, ranked

__all__ = ["Format", "Streamed", "add", "formats", "ranked"]
