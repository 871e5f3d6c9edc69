"""One chip per label: how large its letters are and where it goes."""

import numpy as np

from container.cancellation import checkpoint
from container.rendering import placement
from container.rendering.palette import Color
from container.rendering.text import SMALLEST, fit, font_size
from container.structures import Classification, Instances, Prediction
from container.structures.texts import TextLines


def draw_labels(canvas: np.ndarray, prediction: Prediction, instances: Instances, colors: list[Color]) -> None:
    """Draw “name percent” into uint8 H×W×3 `canvas`, one an instance, the best last and so on top.

    Args:
        prediction: says where labels go: beside boxes, inside the regions of a semantic map, or stacked in a corner.
        instances: the same prediction as instances.
        colors: N fills, one an instance.
    """
    letters = font_size(instances.image_size)
    shown = []
    for i, caption in enumerate(instances.captions):
        checkpoint()
        if isinstance(prediction, TextLines):
            size = _letters_above(instances.boxes[i], letters)
        else:
            size = _letters_for(instances.boxes[i], letters) if isinstance(prediction, Instances) else letters
        chip = fit(caption, size, instances.image_size)
        if chip:
            shown.append((i, chip))
    sizes = [(chip.height, chip.width) for _, chip in shown]
    candidates = [_places(prediction, instances, i, size) for (i, _), size in zip(shown, sizes, strict=True)]
    obstacles = instances.boxes if isinstance(prediction, Instances) else np.zeros((0, 4))
    corners = placement.spread(sizes, candidates, obstacles, instances.image_size)
    for (i, chip), (x, y) in reversed(list(zip(shown, corners, strict=True))):
        chip.draw(canvas, x, y, colors[i])


def _letters_for(box: np.ndarray, letters: int) -> int:
    """Smaller letters for what is small against its label, down to 0.7 of `letters`."""
    side = float(max(box[2] - box[0], box[3] - box[1]))
    return max(9, round(letters * min(1.0, max(0.7, side / (5 * letters)))))


def _letters_above(box: np.ndarray, letters: int) -> int:
    """Letters so small that the line of text above the one in the box can be read."""
    return max(SMALLEST + 1, min(letters, round(0.35 * float(box[3] - box[1]))))


def _places(prediction: Prediction, instances: Instances, i: int, size: placement.Size) -> np.ndarray:
    if isinstance(prediction, Classification):
        return placement.stacked(i, size)
    if isinstance(prediction, Instances) or instances.masks is None:
        return placement.beside(instances.boxes[i], size)
    return placement.inside(*instances.masks.crop(i), size)
