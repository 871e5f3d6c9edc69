"""A caption for every instance, at a point of its box."""

from collections.abc import Sequence

import numpy as np

from container.cancellation import checkpoint
from container.rendering import placement
from container.rendering.anchors import label_corner
from container.rendering.palette import Color
from container.rendering.text import Style, fit
from container.structures import Instances


def draw_captions(
    canvas: np.ndarray,
    instances: Instances,
    captions: Sequence[str],
    colors: Sequence[Color],
    points: np.ndarray,
    position: str,
    font_size: int,
    style: Style,
) -> None:
    """Draw N captions into uint8 H×W×3 `canvas`.

    Those of boxes outside of the picture are left out, and those that would reach out of it are moved into it. Where
    a better one is already, the next one goes above or below it, if there is room.

    Args:
        colors: N fills.
        points: float N×2 (x, y), as anchors.anchor_points gives them for `position`.
        font_size: pixels; letters shrink where a caption is larger than the picture.
    """
    size = instances.image_size
    shown = []
    for i in _in_sight(instances):
        checkpoint()
        chip = fit(captions[i], font_size, size, style)
        if chip:
            shown.append((i, chip))
    sizes = [(chip.height, chip.width) for _, chip in shown]
    places = [
        _near(label_corner(points[i], chip_size, position, size), chip_size[0])
        for (i, _), chip_size in zip(shown, sizes, strict=True)
    ]
    corners = placement.spread(sizes, places, np.zeros((0, 4)), size)
    for (i, chip), (x, y) in reversed(list(zip(shown, corners, strict=True))):
        chip.draw(canvas, x, y, colors[i])


def _in_sight(instances: Instances) -> list[int]:
    """The numbers of the instances whose boxes touch the picture."""
    height, width = instances.image_size
    left, top, right, bottom = instances.boxes.T
    return np.flatnonzero((right >= 0) & (bottom >= 0) & (left <= width) & (top <= height)).tolist()


def _near(corner: tuple[int, int], height: int) -> np.ndarray:
    """Corners K×2: the asked one, then those by turns above and below it."""
    x, y = corner
    return np.array([(x, y), *((x, y + k * height) for k in (-1, 1, -2, 2, -3, 3))])
