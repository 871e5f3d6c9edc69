"""Turning pixels upright."""

from collections.abc import Callable

import cv2
import numpy as np

_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """`pixels` (uint8 H×W×3) as EXIF orientation 1–8 wants them shown; 1 gives the same array."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else turn(pixels)
