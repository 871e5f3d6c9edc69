"""How the samples of a TIFF lie: which layouts Pillow has a mode for, and what the bytes of the others mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL.TiffImagePlugin import COMPRESSION_INFO, OPEN_INFO

from container.errors import UnsupportedMediaType
from container.images.headers._base import Samples

BITS, CODING, COLOURS, FILL_ORDER, BANDS, PLANES = 258, 259, 262, 266, 277, 284
PREDICTOR, EXTRAS, FORMAT = 317, 338, 339
MOST_BANDS = 65_535  # what the tag can hold
_DEFAULTS = {CODING: 1, COLOURS: 0, FILL_ORDER: 1, BANDS: 1, PLANES: 1, PREDICTOR: 1}
TAGS = (*_DEFAULTS, BITS, EXTRAS, FORMAT)
_OF_BYTES = {1: "none", 5: "LZW", 8: "Deflate", 32946: "Deflate", 32773: "PackBits", 34925: "LZMA", 50000: "Zstandard"}
_OTHERS = {
    6: "JPEG of 1992",
    7: "JPEG",
    34712: "JPEG 2000",
    34887: "LERC",
    34933: "PNG",
    50001: "WebP",
    50002: "JPEG XL",
}
_COLOURS = {0: "inverted grey", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr", 8: "CIELAB"}
_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # NumPy's letters; 4 is "undefined"
_NUMBERS = {1: "integers", 2: "signed integers", 3: "floats", 5: "complex integers", 6: "complex floats"}
_TYPES = ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8")
_OLD_JPEG, _WEBP = 6, 50001  # Pillow's libtiff is built without WebP
_RGB, _APART = 2, 2
_ASSOCIATED, _UNASSOCIATED = 1, 2  # kinds of alpha


@dataclass(frozen=True)
class Layout:
    """The tags of a picture that say how its samples lie."""

    tags: Mapping[int, tuple[int, ...]]  # those of `TAGS` that there are
    order: str  # "<" or ">"

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits of each band."""
        bits = self.tags.get(BITS) or (1,)
        bands = min(self[BANDS], MOST_BANDS)
        return bits * bands if len(bits) == 1 else bits[:bands]

    @property
    def formats(self) -> tuple[int, ...]:
        """The kinds of numbers, each once."""
        return tuple(sorted(set(self.tags.get(FORMAT) or (1,))))

    @property
    def extras(self) -> tuple[int, ...]:
        """The kinds of the bands after the colours: 1 and 2 are alpha."""
        return self.tags.get(EXTRAS, ())

    def __getitem__(self, tag: int) -> int:
        return (self.tags.get(tag) or (_DEFAULTS[tag],))[0]

    def pillow_reads(self) -> bool:
        """Return True if Pillow has a mode that loses nothing: of RGB in 16 bits it keeps the upper half only."""
        coding, colours, bits = self[CODING], self[COLOURS], self.bits
        if coding == _OLD_JPEG:
            return True  # whatever the other tags say
        deep = bits[:1] > (8,) and bits != (12,)
        if colours <= _RGB and len(bits) > 1 and (deep or self[PLANES] == _APART):
            return False
        if colours <= _RGB and deep and (bits[0] > 16 or self.inverted()):
            return False
        return coding != _WEBP and self.formats == (1,) and self._mode() is not None

    def _mode(self) -> tuple[str, str] | None:
        if self[CODING] not in COMPRESSION_INFO:
            return None
        prefix = b"II" if self.order == "<" else b"MM"
        kept = self.bits, self.extras
        if self[PLANES] == _APART and self.extras and not any(self.extras):  # Pillow leaves those out
            kept = self.bits[: -len(self.extras)], ()
        modes: dict[Any, tuple[str, str]] = OPEN_INFO
        return modes.get((prefix, self[COLOURS], self.formats, self[FILL_ORDER], *kept))

    def inverted(self) -> bool:
        """Return True if 0 is said to be white."""
        return COLOURS in self.tags and self[COLOURS] == 0

    def samples(self, width: int, tile: int) -> Samples:
        """Return what the bytes of the samples mean; UnsupportedMediaType where nothing reads the layout.

        The colours are the first three bands of at least three, else the first is grey; `tile` is 0 for strips.
        """
        bands, bits, extras = self[BANDS], self.bits, self.extras
        dtype = f"{_KINDS.get(self.formats[0], '?')}{bits[0] // 8 if bits else 0}"
        alike = len(set(bits)) == len(self.formats) == 1 and len(bits) == bands and bits[0] % 8 == 0
        predictor = self[PREDICTOR] if self[CODING] != 1 else 1
        if not alike or dtype not in _TYPES or self[CODING] not in _OF_BYTES or self[COLOURS] > _RGB:
            raise self.not_read()
        if predictor not in (1, 2, 3) or (predictor == 3 and dtype[0] != "f"):
            raise self.not_read()
        alpha = next(
            (bands - len(extras) + i for i, kind in enumerate(extras) if kind in (_ASSOCIATED, _UNASSOCIATED)), 0
        )
        if self[COLOURS] == _RGB and bands == 4 and not extras:
            alpha = 3  # as Pillow takes it
        colours = (0, 1, 2) if bands - (alpha > 0) >= 3 else (0,)
        if alpha < len(colours):
            alpha = 0
        return Samples(
            dtype=self.order + dtype,
            bands=1 if self[PLANES] == _APART else bands,
            apart=bands if self[PLANES] == _APART else 0,
            used=(*colours, alpha) if alpha else colours,
            tile=tile or width,
            across=-(-width // tile) * tile if tile else width,
            predictor=predictor,
            inverted=self.inverted(),
            associated=bool(alpha and extras and extras[alpha - bands] == _ASSOCIATED),
        )

    def not_read(self) -> UnsupportedMediaType:
        """Return the error that names the layout."""
        bands, coding, colours = self[BANDS], self[CODING], self[COLOURS]
        compression = {**_OF_BYTES, **_OTHERS}.get(coding) or COMPRESSION_INFO.get(coding, str(coding))
        return UnsupportedMediaType(
            f"the TIFF's layout is not read: {bands} {'band' if bands == 1 else 'bands'} of "
            f"{'/'.join(map(str, sorted(set(self.bits))[:4]))} bits ({_NUMBERS.get(self.formats[0], 'undefined')}), "
            f"colours {_COLOURS.get(colours, colours)}, compression {compression}, "
            f"planes {'apart' if self[PLANES] == _APART else 'together'}",
            "convert it to grey or RGB in 8 or 16 bits a band, uncompressed or with LZW or Deflate",
        )
