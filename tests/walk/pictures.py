"""Photos that differ a little from each other, and where their objects are."""

from typing import NamedTuple

import numpy as np
import skimage.data

from tests.conftest import encode

CUT = 0.1  # of a side, at most, that is cut off at each end


class Picture(NamedTuple):
    """A photo as JPEG, and what is on it: labels and boxes x, y, width, height in pixels."""

    data: bytes
    objects: list[tuple[str, tuple[float, float, float, float]]]


def _horse() -> np.ndarray:
    return np.where(skimage.data.horse(), 255, 40).astype(np.uint8)


# What somebody has drawn on them, as left, top, right, bottom.
_PHOTOS = (
    (skimage.data.astronaut, [("person", (20, 14, 370, 512))]),
    (skimage.data.chelsea, [("cat", (0, 0, 395, 300))]),
    (skimage.data.camera, [("person", (0, 57, 310, 512))]),
    (_horse, [("horse", (18, 9, 389, 313))]),
)


def make(number: int) -> Picture:
    """Return picture `number`, always the same: cut, perhaps mirrored, of another light, with noise."""
    random = np.random.default_rng(number)
    photo, found = _PHOTOS[number % len(_PHOTOS)]
    pixels = photo()
    pixels = np.stack([pixels] * 3, -1) if pixels.ndim == 2 else pixels
    height, width = pixels.shape[:2]
    left, right = (random.uniform(0, CUT, 2) * width).astype(int)
    top, bottom = (random.uniform(0, CUT, 2) * height).astype(int)
    pixels = pixels[top : height - bottom, left : width - right]
    height, width = pixels.shape[:2]
    boxes = np.array([box for _, box in found], float) - [left, top, left, top]
    boxes = boxes.clip(0, [width, height, width, height])
    if random.random() < 0.5:
        pixels = pixels[:, ::-1]
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
    light = random.uniform(0.7, 1.3) * pixels + random.normal(0, random.uniform(0, 12), pixels.shape)
    data = encode(light.clip(0, 255).astype(np.uint8), "JPEG", quality=int(random.integers(60, 95)))
    boxes[:, 2:] -= boxes[:, :2]
    return Picture(data, [(label, tuple(box)) for (label, _), box in zip(found, boxes.tolist(), strict=True)])
