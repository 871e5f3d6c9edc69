"""What was found without the picture around it: colours on black, numbers, or the found pixels on nothing."""

import cv2
import numpy as np

from container.errors import BadRequest
from container.rendering import palette
from container.rendering.regions import owners, regions
from container.structures import Colors, Instances, SemanticMap


def mask(instances: Instances, colors: Colors) -> np.ndarray:
    """uint8 H×W×3: every found pixel in the pure colour of its class, or of its instance, the rest black."""
    slots = np.zeros(instances.image_size, np.uint8)
    table = np.zeros((256, 1, 3), np.uint8)
    table[1 : 1 + len(palette.COLORS), 0] = palette.COLORS
    own = palette.apart(instances.boxes) if colors == "instance" else instances.classes.tolist()
    for region in regions(instances):
        slot = 1 + own[region.index] % len(palette.COLORS)
        cv2.copyTo(np.full_like(region.crop, slot), region.crop, slots[region.place])
    return np.asarray(cv2.LUT(cv2.merge([slots, slots, slots]), table))


def ids(instances: Instances) -> np.ndarray:
    """uint16 H×W: the number of the instance at each pixel, from 1 on in order, the smaller on top; 0 where none is.

    Raises:
        BadRequest: there are more than 16 bits can number.
    """
    most = np.iinfo(np.uint16).max
    if len(instances) > most:
        raise BadRequest(f"render is 'ids', which has 16 bits for {len(instances)} instances; ask for at most {most}")
    return owners(instances)


def class_ids(semantic: SemanticMap) -> np.ndarray:
    """uint16 H×W: the class id of each pixel, 0 where the class is not reported, as in the background."""
    table = np.zeros(int(semantic.class_ids.max(initial=0)) + 1, np.uint16)
    for c in semantic.confidences:
        table[c : c + 1] = c
    return np.asarray(table[semantic.class_ids])


def cutout(pixels: np.ndarray, instances: Instances) -> np.ndarray:
    """uint8 H×W×4 RGBA: the found pixels of uint8 H×W×3 `pixels` as they are, the rest transparent black."""
    alpha = np.zeros(instances.image_size, np.uint8)
    for region in regions(instances):
        alpha[region.place] |= region.crop * np.uint8(255)
    opaque = cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA)
    cv2.insertChannel(alpha, opaque, 3)
    return np.asarray(cv2.copyTo(opaque, alpha, np.zeros_like(opaque)))
