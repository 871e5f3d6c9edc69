"""Conversion of an opened image of any Pillow mode to RGB pixels, and rotation of pixels to upright.

Alpha is composited over white. Of 16 bits the upper 8 of those in use are kept (`scale.bits_in_use`); Pillow keeps the
upper 8 of all, and its `convert("RGB")` would clip grey. Floats and 32 bits are read in `samples`.
"""

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

from container.images.scale import bits_in_use

_BAND = 1 << 20  # pixels converted at once: an intermediate copy of the whole image would add 4 to 12 bytes per pixel
_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
_COLOUR_16, _GREY_ALPHA_16 = ("RGB;16B", "RGBA;16B"), "LA;16B"  # raw modes of PNG
_STEPS = {"1": 255, "L;2": 85, "L;4": 17}  # raw mode → value of one grey step

Convert = Callable[[Pillow.Image], np.ndarray]

_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def to_rgb(picture: ImageFile, reopened: Callable[[], ImageFile], depth: int = 0) -> np.ndarray:
    """Decode the first frame: uint8 H×W×3, contiguous and writable; raises any error of Pillow.

    `reopened` opens the picture again. `depth` is that of 16-bit samples as the file declares it, in bits; 0 if it does
    not.
    """
    loaded, convert = _loaded(picture, reopened, depth)
    width, height = loaded.size
    rows = max(1, _BAND // width)
    if rows >= height:
        return convert(loaded)
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        pixels[top:bottom] = convert(loaded.crop((0, top, width, bottom)))
    return pixels


def _loaded(picture: ImageFile, reopened: Callable[[], ImageFile], depth: int) -> tuple[Pillow.Image, Convert]:
    raw_mode = _raw_mode(picture)  # available only before the image is loaded
    if raw_mode in _COLOUR_16:
        return _colour_16(picture, reopened, raw_mode, depth)
    if raw_mode == _GREY_ALPHA_16:
        return _grey_alpha_16(picture, depth), over_white
    picture.load()
    return picture, _converter(picture, raw_mode, depth)


def _converter(picture: Pillow.Image, raw_mode: str, depth: int) -> Convert:
    key = picture.info.get("transparency")
    mode = picture.mode
    if mode in _ALPHA or (mode == "P" and key is not None):
        return over_white
    if mode.startswith("I;16"):
        return _deep_grey(np.asarray(picture), 12 if raw_mode == "I;12" else depth, key)
    if mode == "LAB":
        return _lab
    if isinstance(key, int) and mode in ("1", "L"):
        return _keyed((key * _STEPS.get(raw_mode, 1),) * 3)
    if isinstance(key, tuple) and mode == "RGB":
        return _keyed(key)
    return _plain


def _colour_16(
    picture: ImageFile, reopened: Callable[[], ImageFile], raw_mode: str, depth: int
) -> tuple[Pillow.Image, Convert]:
    """Return a PNG of 16 bits in 8, and what converts it.

    Pillow unpacks one byte of two: first the upper ones. Only if they do not use all bits the file is decoded again,
    for the lower ones.
    """
    picture.load()
    key = picture.info.get("transparency")
    upper = np.asarray(picture)
    used = bits_in_use(int(upper[..., :3].max()) << 8 | 0xFF, depth)
    if used == 16:
        whole = over_white if picture.mode in _ALPHA else _plain
        return picture, _keyed(tuple(value >> 8 for value in key)) if isinstance(key, tuple) else whole
    second = reopened()
    second.tile = [tile._replace(args=raw_mode[:-1] + "L") for tile in second.tile]
    lower = np.asarray(second)
    pixels = upper.copy()
    for row, high, low in zip(pixels, upper[..., :3], lower[..., :3], strict=True):
        values = high.astype(np.uint16) << 8 | low
        row[:, :3] = values >> used - 8
        if isinstance(key, tuple):
            row[(values == np.array(key)).all(axis=1)] = 255
    return Pillow.fromarray(pixels), over_white if picture.mode in _ALPHA else _plain


def _grey_alpha_16(picture: ImageFile, depth: int) -> Pillow.Image:
    """Return a PNG of grey and alpha in 16 bits as LA: as long as four bytes of colour, it is unpacked as those."""
    picture.tile = [tile._replace(args="RGBA") for tile in picture.tile]
    parts = np.asarray(picture)
    grey = parts[..., 0].astype(np.uint16) << 8 | parts[..., 1]
    shift = bits_in_use(int(grey.max()), depth) - 8
    return Pillow.fromarray(np.stack([(grey >> shift).astype(np.uint8), parts[..., 2]], axis=2), "LA")


def _raw_mode(picture: ImageFile) -> str:
    if not picture.tile:
        return ""
    args = picture.tile[0][3]
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _plain(part: Pillow.Image) -> np.ndarray:
    return np.array(part if part.mode == "RGB" else part.convert("RGB"))


def over_white(part: Pillow.Image) -> np.ndarray:
    """Return uint8 H×W×3 of a picture with alpha, composited over white."""
    if part.mode == "La":
        part = part.convert("LA")
    colours = part.convert("RGBA")
    sheet = Pillow.new("RGB", part.size, "white")
    sheet.paste(colours, mask=colours)
    return np.array(sheet)


def _keyed(key: tuple[int, ...]) -> Convert:
    """Return a converter for images in which one colour means full transparency."""

    def convert(part: Pillow.Image) -> np.ndarray:
        pixels = _plain(part)
        pixels[(pixels == np.array(key)).all(axis=2)] = 255
        return pixels

    return convert


def _deep_grey(values: np.ndarray, depth: int, key: object) -> Convert:
    known = values[values != key] if isinstance(key, int) else values
    shift = bits_in_use(int(known.max()) if known.size else 0, depth) - 8

    def convert(part: Pillow.Image) -> np.ndarray:
        values = np.asarray(part)
        grey = (values >> shift).astype(np.uint8)
        if isinstance(key, int):
            grey[values == key] = 255
        return _grey(grey)

    return convert


def _lab(part: Pillow.Image) -> np.ndarray:
    """Convert CIELAB to RGB; Pillow's a and b are signed, OpenCV's offset by 128; assumes white point D65."""
    lab = np.bitwise_xor(np.asarray(part), np.array([0, 128, 128], np.uint8), dtype=np.uint8)
    pixels: np.ndarray = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    return pixels


def _grey(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[:, :, None], 3, axis=2)


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Rotate or flip `pixels` (uint8 H×W×3) by EXIF orientation 1–8; 1 returns the same array."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else turn(pixels)
