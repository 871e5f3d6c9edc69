"""The pixels that each instance covers, in the order in which they are painted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from container.cancellation import checkpoint
from container.structures import Instances


@dataclass(frozen=True)
class Region:
    """What one instance covers: a bitmap and where it begins in the picture."""

    index: int  # of the instance
    crop: np.ndarray  # uint8 h×w, 1 where covered; h and w are above 0
    x: int
    y: int

    @property
    def place(self) -> tuple[slice, slice]:
        """The rows and columns of the picture that `crop` lies on."""
        return slice(self.y, self.y + self.crop.shape[0]), slice(self.x, self.x + self.crop.shape[1])


def regions(instances: Instances) -> Iterator[Region]:
    """The regions of those instances that have any, largest box first, so that the small end up on top.

    Without masks a region is the whole box. Before each is a checkpoint of cancellation.
    """
    sides = np.clip(instances.boxes[:, 2:] - instances.boxes[:, :2], 0, None)
    for i in np.argsort(-sides.prod(axis=1), kind="stable").tolist():
        checkpoint()
        crop, x, y = _box(instances, i) if instances.masks is None else instances.masks.crop(i)
        if crop.size:
            yield Region(i, crop.view(np.uint8), x, y)


def _box(instances: Instances, i: int) -> tuple[np.ndarray, int, int]:
    height, width = instances.image_size
    corners = np.clip(np.rint(instances.boxes[i]), 0, [width, height, width, height])
    left, top, right, bottom = corners.astype(int).tolist()
    return np.ones((max(bottom - top, 0), max(right - left, 0)), bool), left, top
