"""Results as bytes; one public file here holds one kind of answer, and `formats` finds them all."""

from container.formats._base import Documents, Drawn, Format, Streamed, add, formats, ranked

__all__ = ["Documents", "Drawn", "Format", "Streamed", "add", "formats", "ranked"]
