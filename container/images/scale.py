"""Samples of more than 8 bits in 8: at the depth that they use, whole bits, never by what a picture's darkest is.

- Integers up to 16 bits, none below 0: the first of 8, 10, 12, 14 and 16 bits that holds all values. Cameras and
  scanners of 10, 12 or 14 bits write their values as they are into files of 16.
- Floats: the first of 0–1, 0–255 and 0–65535 that holds all values.
- Anything else has no defined white: minimum–maximum. NaN and infinite values become black.
"""

from collections.abc import Callable

import numpy as np

_DEPTHS = (8, 10, 12, 14)

Scale = Callable[[np.ndarray], np.ndarray]


def bits_in_use(top: int, declared: int = 0) -> int:
    """Return the bits that samples of 16 use, of which `top` is the largest; `declared` counts if it holds `top`."""
    if declared and top < 1 << declared:
        return declared
    return next((bits for bits in _DEPTHS if top < 1 << bits), 16)


def scale(values: np.ndarray) -> Scale:
    """Return what makes uint8 of `values` and of parts of them: integers or floats of any shape."""
    if values.dtype == np.uint8:
        return lambda part: part
    low, high = _range(values)
    floats = values.dtype.kind == "f"
    if values.dtype == np.uint16:
        shift = bits_in_use(int(high)) - 8
        return lambda part: (part >> shift).astype(np.uint8)
    if low < 0 or high > 65535:
        base, span = low, (high - low) or 1.0
    elif floats:
        base, span = 0.0, next(top for top in (1.0, 255.0, 65535.0) if high <= top)
    else:
        base, span = 0.0, float((1 << bits_in_use(int(high))) - 1)

    def scaled(part: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", over="ignore"):
            shares = (part.astype(np.float64) - base) / span
        if floats:
            shares[~np.isfinite(shares)] = 0
        return np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)

    return scaled


def _range(values: np.ndarray) -> tuple[float, float]:
    """Return the least and the largest finite value, row by row; 0 and 0 if there is none."""
    low, high = np.inf, -np.inf
    for row in values:
        known = row[np.isfinite(row)] if row.dtype.kind == "f" else row
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    return (low, high) if low <= high else (0.0, 0.0)
