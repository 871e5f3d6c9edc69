"""Pictures of what a model said: drawn on, or made of what was found. Knows nothing of files, formats and requests."""

import numpy as np

from container.errors import BadRequest
from container.rendering.crops import crops
from container.rendering.effects import blur_by_size, pixelate_by_size
from container.rendering.overlay import overlay
from container.rendering.plain import class_ids, cutout, ids, mask
from container.structures import Appearance, Classification, Instances, Prediction, SemanticMap

__all__ = ["draw"]


def draw(pixels: np.ndarray, prediction: Prediction, appearance: Appearance) -> np.ndarray:
    """A new picture of the same height and width: uint8 H×W×3 RGB, H×W×4 RGBA for a cutout, uint16 H×W for ids.

    Crops are the exception: a sheet of pictures of its own size. Boxes, labels, keypoints and opacity are the
    overlay's, colours that and the mask's; the others hold nothing but pixels.

    Args:
        pixels: uint8 H×W×3 RGB, not written to.
        prediction: all of its boxes and scores are finite numbers.

    Raises:
        BadRequest: a classification has nothing to number, blur, pixelate or crop; or ids are too many for 16 bits.
    """
    render = appearance.render
    if render == "overlay":
        return overlay(pixels, prediction, appearance)
    if isinstance(prediction, Classification) and render not in ("mask", "cutout"):
        raise BadRequest(
            f"render is {render!r}, and this model classifies whole pictures: it finds nothing to show so",
            hint="render overlay, or accept application/json",
        )
    if isinstance(prediction, SemanticMap) and render == "ids":
        return class_ids(prediction)
    instances = prediction if isinstance(prediction, Instances) else prediction.instances()
    if render == "mask":
        return mask(instances, appearance.colors)
    if render == "ids":
        return ids(instances)
    if render == "cutout":
        return cutout(pixels, instances)
    if render == "crops":
        return crops(pixels, instances)
    canvas = pixels.copy()
    (blur_by_size if render == "blur" else pixelate_by_size)(canvas, instances)
    return canvas
