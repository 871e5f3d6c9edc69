"""The picture between decoding and everything else."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Image:
    """One picture, upright."""

    pixels: np.ndarray  # uint8 H×W×3 RGB; EXIF orientation applied

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]
