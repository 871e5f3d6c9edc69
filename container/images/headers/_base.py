"""The result of parsing an image header."""

from dataclasses import dataclass

from container.errors import BadImage


@dataclass(frozen=True)
class Samples:
    """What the bytes of a TIFF's samples mean that Pillow has no mode for and reads as pictures in 8-bit grey.

    The stream holds one such picture (a page) if the bands lie together, else one for each of `used`.
    """

    dtype: str  # NumPy's, in the byte order of the file
    bands: int  # in a pixel of a page
    apart: int  # bands that lie apart; 0 if they lie together
    used: tuple[int, ...]  # bands: grey, or red, green and blue; and alpha
    tile: int  # pixels in a row of a tile; those of the picture if it lies in strips
    across: int  # pixels in a row of a page: tiles may stand out
    predictor: int  # 1: none; 2: differences; 3: differences of the bytes of floats
    inverted: bool  # 0 is white
    associated: bool  # the colours are multiplied by alpha

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes of all bands that are decoded at once."""
        return int(self.dtype[2:]) * self.bands


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
    other: bytes = b""  # of a file without its end: another stream, of the same pixels if none are missing
    depth: int = 0  # bits of a sample, of 16, that are in use; 0 if nothing says so
    samples: Samples | None = None  # of a layout that Pillow has no mode for


def cut_short(format: str) -> BadImage:
    """Return the error for a file that ends inside its header."""
    return BadImage(f"the {format} is cut short: it ends before its header does; send the whole file")
