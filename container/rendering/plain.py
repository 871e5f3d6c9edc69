"""What was found without the picture around it: class colours on black, or the found pixels on nothing."""

import cv2
import numpy as np

from container.rendering import palette
from container.rendering.regions import regions
from container.structures import Instances


def mask(instances: Instances) -> np.ndarray:
    """uint8 H×W×3: every found pixel in the pure colour of its class, the rest black."""
    slots = np.zeros(instances.image_size, np.uint8)
    table = np.zeros((256, 1, 3), np.uint8)
    table[1 : 1 + len(palette.COLORS), 0] = palette.COLORS
    for region in regions(instances):
        slot = 1 + int(instances.classes[region.index]) % len(palette.COLORS)
        cv2.copyTo(np.full_like(region.crop, slot), region.crop, slots[region.place])
    return np.asarray(cv2.LUT(cv2.merge([slots, slots, slots]), table))


def cutout(pixels: np.ndarray, instances: Instances) -> np.ndarray:
    """uint8 H×W×4 RGBA: the found pixels of uint8 H×W×3 `pixels` as they are, the rest transparent black."""
    alpha = np.zeros(instances.image_size, np.uint8)
    for region in regions(instances):
        alpha[region.place] |= region.crop * np.uint8(255)
    opaque = cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA)
    cv2.insertChannel(alpha, opaque, 3)
    return np.asarray(cv2.copyTo(opaque, alpha, np.zeros_like(opaque)))
