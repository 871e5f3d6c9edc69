"""Conversion of an opened image of any Pillow mode to RGB pixels, and rotation of pixels to upright.

Alpha is composited over white. Of 16 bits the upper 8 are kept, as Pillow does for RGB; its `convert("RGB")` would clip
16-bit grey. Integers and floats of 32 bits have no defined white: see `_scaled`.
"""

from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL.ImageFile import ImageFile

_BAND = 1 << 20  # pixels converted at once: an intermediate copy of the whole image would add 4 to 12 bytes per pixel
_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
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


def to_rgb(picture: ImageFile) -> np.ndarray:
    """Decode the first frame: uint8 H×W×3, contiguous and writable; raises any error of Pillow."""
    convert = _converter(picture)
    width, height = picture.size
    rows = max(1, _BAND // width)
    if rows >= height:
        return convert(picture)
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        pixels[top:bottom] = convert(picture.crop((0, top, width, bottom)))
    return pixels


def _converter(picture: ImageFile) -> Convert:
    raw_mode = _raw_mode(picture)  # available only before the image is loaded
    picture.load()
    key = picture.info.get("transparency")
    mode = picture.mode
    if mode in _ALPHA or (mode == "P" and key is not None):
        return _over_white
    if mode.startswith("I;16"):
        return _deep_grey(4 if raw_mode == "I;12" else 8, key)
    if mode in ("I", "F"):
        return _scaled(np.asarray(picture))
    if mode == "LAB":
        return _lab
    if isinstance(key, int) and mode in ("1", "L"):
        return _keyed((key * _STEPS.get(raw_mode, 1),) * 3)
    if isinstance(key, tuple) and mode == "RGB":
        return _keyed(tuple(value >> 8 for value in key) if raw_mode.endswith(";16B") else key)
    return _plain


def _raw_mode(picture: ImageFile) -> str:
    if not picture.tile:
        return ""
    args = picture.tile[0][3]
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _plain(part: Pillow.Image) -> np.ndarray:
    return np.array(part if part.mode == "RGB" else part.convert("RGB"))


def _over_white(part: Pillow.Image) -> np.ndarray:
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


def _deep_grey(shift: int, key: object) -> Convert:
    def convert(part: Pillow.Image) -> np.ndarray:
        values = np.asarray(part)
        grey = (values >> shift).astype(np.uint8)
        if isinstance(key, int):
            grey[values == key] = 255
        return _grey(grey)

    return convert


def _scaled(values: np.ndarray) -> Convert:
    """Return a converter that scales 32-bit values to 8-bit grey.

    The input range is the first of 0–1 (floats only), 0–255 and 0–65535 that holds all values, else minimum–maximum.
    NaN and infinite values become black.
    """
    known = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    floats = values.dtype.kind == "f"
    tops = (1.0, 255.0, 65535.0) if floats else (255.0, 65535.0)
    top = next((top for top in tops if low >= 0 and high <= top), None)
    base, span = (0.0, top) if top else (low, (high - low) or 1.0)

    def convert(part: Pillow.Image) -> np.ndarray:
        shares = (np.asarray(part).astype(np.float64) - base) / span
        shares = np.nan_to_num(shares, nan=0.0, posinf=0.0, neginf=0.0)
        return _grey(np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8))

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
