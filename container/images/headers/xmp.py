"""The orientation in XMP, which some programs write instead of EXIF's."""

import re

MOST = 1 << 20  # bytes of a packet that is searched
_ORIENTATION = re.compile(rb"""tiff:Orientation\s*(?:=\s*["']|>)\s*([1-8])\s*["'<]""")  # an attribute, or an element


def orientation(packet: bytes) -> int:
    """Return `tiff:Orientation`, 1–8, of a packet; 1 if it has none, or an invalid one."""
    found = _ORIENTATION.search(packet[:MOST])
    return int(found[1]) if found else 1
