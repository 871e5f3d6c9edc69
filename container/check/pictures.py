"""Test pictures, made here: no photo is needed, and what a model finds in them does not matter."""

from functools import cache

import numpy as np

from container.formats.pictures import encode_file


@cache
def jpeg(side: int = 256) -> bytes:
    """Coloured shapes on a gradient, `side` pixels square."""
    return encode_file(".jpg", _pixels(side))


@cache
def png(side: int = 256) -> bytes:
    """The same without loss."""
    return encode_file(".png", _pixels(side))


@cache
def heavy() -> bytes:
    """Noise that no PNG makes smaller: 5.9 MB, where real-time endpoints once ended at 6."""
    return encode_file(".png", np.random.default_rng(0).integers(0, 256, (1400, 1400, 3), np.uint8))


def _pixels(side: int) -> np.ndarray:
    y, x = np.mgrid[0:side, 0:side] / side
    pixels = np.stack([x, y, 1 - x], axis=2)
    pixels[(x - 0.35) ** 2 + (y - 0.4) ** 2 < 0.05] = (0.9, 0.2, 0.1)
    pixels[(abs(x - 0.7) < 0.15) & (abs(y - 0.65) < 0.2)] = (0.1, 0.3, 0.8)
    return (255 * pixels).astype(np.uint8)
