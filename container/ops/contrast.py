"""Grey and contrast of an image, as Roboflow's datasets and servers have them; the image is not written to.

The names and the figures are theirs: percentiles of all channels together, equalisation of grey, and a limit of 0.03
for the adaptive one in 8×8 tiles, which OpenCV reads as at least one pixel for each grey value.
"""

import cv2
import numpy as np

_PERCENTILES = 2, 98


def grey(pixels: np.ndarray) -> np.ndarray:
    """Uint8 H×W×3 RGB as the luminance in all three channels."""
    return _three(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))


def stretched(pixels: np.ndarray) -> np.ndarray:
    """Uint8 H×W×3 with the 2nd percentile of all its values at 0 and the 98th at 255."""
    counts = np.sum([cv2.calcHist([pixels], [c], None, [256], [0, 256]).ravel() for c in range(3)], 0, dtype=float)
    low, high = (_percentile(counts, q) for q in _PERCENTILES)
    if low == high:
        return pixels
    table = (np.clip(np.arange(256), low, high) - low) / (high - low) * 255
    return np.asarray(cv2.LUT(pixels, table.astype(np.uint8)))


def equalized(pixels: np.ndarray) -> np.ndarray:
    """Uint8 H×W×3 RGB as grey whose values are spread evenly, in all three channels."""
    return _three(cv2.equalizeHist(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)))


def adaptively_equalized(pixels: np.ndarray) -> np.ndarray:
    """Uint8 H×W×3 RGB as grey after CLAHE, in all three channels."""
    tiles = cv2.createCLAHE(clipLimit=0.03, tileGridSize=(8, 8))
    return _three(tiles.apply(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)))


def _three(values: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(values, cv2.COLOR_GRAY2RGB))


def _percentile(counts: np.ndarray, q: float) -> float:
    """numpy's percentile of values 0, 1, … that come `counts` times each; sorting 36 million takes a second."""
    place = (counts.sum() - 1) * q / 100
    below, above = np.searchsorted(np.cumsum(counts), [np.floor(place), np.ceil(place)], side="right")
    return float(below + (above - below) * (place - np.floor(place)))
