"""Pictures of what a model said: overlay, mask or cutout. Knows nothing of files, formats and requests."""

import numpy as np

from container.rendering.overlay import overlay
from container.rendering.plain import cutout, mask
from container.structures import Appearance, Instances, Prediction

__all__ = ["draw"]


def draw(pixels: np.ndarray, prediction: Prediction, appearance: Appearance) -> np.ndarray:
    """A new picture of the same height and width: uint8 H×W×3 RGB, or H×W×4 RGBA for a cutout.

    Boxes, labels, keypoints and opacity are the overlay's; a mask and a cutout hold nothing but their pixels.

    Args:
        pixels: uint8 H×W×3 RGB, not written to.
        prediction: all of its boxes and scores are finite numbers.
    """
    if appearance.render == "overlay":
        return overlay(pixels, prediction, appearance)
    instances = prediction if isinstance(prediction, Instances) else prediction.instances()
    return mask(instances) if appearance.render == "mask" else cutout(pixels, instances)
