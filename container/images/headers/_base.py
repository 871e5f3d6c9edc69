"""The result of parsing an image header."""

from dataclasses import dataclass

from container.errors import BadImage


@dataclass(frozen=True)
class Header:
    """The metadata that an image file declares, and the part of the file that a decoder needs."""

    format: str  # Pillow's name of it
    width: int
    height: int
    stream: bytes  # the file, if possible without metadata, which is then neither parsed nor decompressed
    orientation: int = 1  # EXIF, 1–8, still to be applied
    scans: int = 1
    effort: int = 1  # decoding time of a scan, relative to a Huffman-coded one


def cut_short(format: str) -> BadImage:
    """Return the error for a file that ends inside its header."""
    return BadImage(f"the {format} is cut short: it ends before its header does; send the whole file")
