"""The pixels that each instance covers, in the order in which they are painted."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from container.cancellation import checkpoint
from container.structures import Instances

SMALL = 40  # pixels of the longer side, below which lines lie around an object instead of on it


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

    def sample(self) -> np.ndarray:
        """Return some covered pixels, int N×2 (x, y), from all over the region; at most 1,024, and none of a line."""
        step = 1 + (max(self.crop.shape) - 1) // 32
        rows, columns = np.nonzero(self.crop[::step, ::step])
        return np.stack([self.x + step * columns, self.y + step * rows], axis=1)


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


def covered(instances: Instances) -> np.ndarray:
    """uint8 H×W: 1 where any instance is."""
    union = np.zeros(instances.image_size, np.uint8)
    if instances.masks is None:  # 5x the speed of making a bitmap of each box
        for box in instances.boxes:
            checkpoint()
            left, top, right, bottom = visible(box, instances.image_size)
            union[top:bottom, left:right] = 1
        return union
    for region in regions(instances):
        union[region.place] |= region.crop
    return union


def owners(instances: Instances) -> np.ndarray:
    """uint16 H×W: the number of the instance, from 1 on, that is on top; 0 where none is."""
    numbers = np.zeros(instances.image_size, np.uint16)  # a third of the memory of a coloured picture
    for region in regions(instances):
        np.copyto(numbers[region.place], region.index + 1, where=region.crop.view(bool))
    return numbers


def visible(box: np.ndarray, image_size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the part of a box, float xyxy, that lies in the picture, in whole pixels; it may be empty."""
    height, width = image_size
    limits = (width, height, width, height)
    # In Python: np.clip takes four times as long for a box.
    left, top, right, bottom = (round(min(max(0.0, v), most)) for v, most in zip(box.tolist(), limits, strict=True))
    return left, top, max(left, right), max(top, bottom)


def _box(instances: Instances, i: int) -> tuple[np.ndarray, int, int]:
    left, top, right, bottom = visible(instances.boxes[i], instances.image_size)
    return np.ones((bottom - top, right - left), bool), left, top
