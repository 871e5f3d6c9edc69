"""The pixels of TIFFs that Pillow has no mode for: more bands, floats, 16 bits in colour, bands that lie apart.

Pillow, and libtiff in it, unpack the strips and tiles as a picture in 8-bit grey, a page for each plane; what the bytes
mean is applied here: order of bytes, predictor, bands.
"""

from collections.abc import Iterator

import numpy as np
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

from container.images.headers import Samples
from container.images.rgb import over_white
from container.images.scale import Scale, scale

_BAND = 1 << 20  # bytes converted at once
_ALPHA_MODES = {2: ("LA", "La"), 4: ("RGBA", "RGBa")}  # bands → mode, and mode where colours are multiplied by alpha


def to_rgb(picture: ImageFile, size: tuple[int, int], samples: Samples) -> np.ndarray:
    """Decode the bands in use of a picture of `size` (height, width): uint8 H×W×3; raises any error of Pillow.

    All colours have one scale; alpha, which is composited over white, has its own.
    """
    height, width = size
    values = np.empty((height, width, len(samples.used)), np.dtype(samples.dtype).newbyteorder("="))
    for page in range(len(samples.used) if samples.apart else 1):
        picture.seek(page)
        if picture.size != (samples.across * samples.bytes_per_pixel, height):
            raise ValueError("a page of another size would leave pixels unwritten")
        picture.load()
        for top, part in _rows(picture, samples):
            bottom, shown = top + len(part), part[:, :width]
            for at, band in [(page, 0)] if samples.apart else enumerate(samples.used):
                values[top:bottom, :, at] = shown[:, :, band]
    picture.close()  # gives its bytes back
    count = 3 if len(samples.used) >= 3 else 1
    colour, alpha = scale(values[..., :count]), _opacity(values[..., count:])
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, _BAND // width)
    for top in range(0, height, rows):
        part = values[top : top + rows]
        shown = colour(part[..., :count])
        if samples.inverted:
            shown = 255 - shown
        if alpha is not None:
            mode = _ALPHA_MODES[count + 1][samples.associated]
            shown = np.concatenate([shown, alpha(part[..., count:])], axis=2)
            shown = over_white(Pillow.frombytes(mode, shown.shape[1::-1], shown.tobytes()))
        pixels[top : top + rows] = shown
    return pixels


def _opacity(values: np.ndarray) -> Scale | None:
    """Return the scale of alpha: integers without a sign use their whole range."""
    if not values.size:
        return None
    if values.dtype.kind == "u":
        shift = 8 * (values.dtype.itemsize - 1)
        return lambda part: (part >> shift).astype(np.uint8)
    return scale(values)


def _rows(picture: ImageFile, samples: Samples) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first row and the samples of some rows of a page: rows×pixels×bands, in the machine's order."""
    width, height = picture.size
    step = max(1, _BAND // width)
    for top in range(0, height, step):
        part = np.asarray(picture.crop((0, top, width, min(height, top + step))))
        yield top, np.concatenate([_undone(tile, samples) for tile in _tiles(part, samples)], axis=1)


def _tiles(part: np.ndarray, samples: Samples) -> list[np.ndarray]:
    width = samples.tile * samples.bytes_per_pixel if samples.predictor != 1 else part.shape[1]
    return [part[:, left : left + width] for left in range(0, part.shape[1], width)]


def _undone(tile: np.ndarray, samples: Samples) -> np.ndarray:
    """Return the samples of the rows of one tile: rows×pixels×bands."""
    kind, bands = np.dtype(samples.dtype), samples.bands
    rows, pixels = len(tile), tile.shape[1] // samples.bytes_per_pixel
    if samples.predictor == 3:  # the highest bytes of all samples, then the next: each less the one `bands` before it
        sums = np.cumsum(tile.reshape(rows, -1, bands), axis=1, dtype=np.uint8)
        planes = sums.reshape(rows, kind.itemsize, -1).transpose(0, 2, 1)
        highest_first = np.ascontiguousarray(planes).view(kind.newbyteorder(">"))
        return highest_first.reshape(rows, pixels, bands).astype(kind.newbyteorder("="))
    values = np.ascontiguousarray(tile).view(kind).reshape(rows, pixels, bands)
    if samples.predictor == 2:
        whole = values.view(f"{kind.str[0]}u{kind.itemsize}")
        sums = np.cumsum(whole, axis=1, dtype=f"u{kind.itemsize}")
        return sums.view(kind.newbyteorder("="))
    return values
