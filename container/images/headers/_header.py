"""What the first look at a file tells."""

from dataclasses import dataclass

from container.errors import BadImage


@dataclass(frozen=True)
class Header:
    """What a file declares, and the part of it that a decoder needs."""

    format: str  # as Pillow names it
    width: int
    height: int
    stream: bytes  # the file, where possible without metadata: that is neither parsed nor unpacked then
    orientation: int = 1  # 1–8 as EXIF counts, still to be applied
    scans: int = 1
    effort: int = 1  # of a scan: how many times as long it takes as one that is Huffman-coded


def cut_short(format: str) -> BadImage:
    """The error for a file that ends inside its own header."""
    return BadImage(f"the {format} is cut short: it ends before its header does; send the whole file")
