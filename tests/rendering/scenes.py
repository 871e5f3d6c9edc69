"""Small predictions to draw and to encode."""

import numpy as np

from container.structures import Bitmasks, Instances

Box = tuple[float, float, float, float]


def found(
    size: tuple[int, int],
    *boxes: Box,
    masks: bool = True,
    classes: tuple[int, ...] | None = None,
    labels: tuple[str, ...] | None = None,
    keypoints: np.ndarray | None = None,
) -> Instances:
    """Instances of scores 0.9, 0.8, …, classes 1, 2, … and names "a", "b", …, whose masks fill their boxes."""
    n = len(boxes)
    bitmaps = np.zeros((n, *size), bool)
    for bitmap, (left, top, right, bottom) in zip(bitmaps, boxes, strict=True):
        bitmap[max(int(top), 0) : max(int(bottom), 0), max(int(left), 0) : max(int(right), 0)] = True
    return Instances(
        image_size=size,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array([max(0.9 - 0.1 * i, 0.05) for i in range(n)], np.float32),
        classes=np.array(classes or range(1, n + 1), np.int64),
        labels=labels or tuple("abcdefgh"[:n]),
        masks=Bitmasks(bitmaps) if masks else None,
        keypoints=keypoints,
    )


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Noise, so that every change of a pixel can be seen."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
