"""The picture with what was found drawn on it: masks, outlines, boxes, keypoints, labels."""

from typing import NamedTuple

import cv2
import numpy as np

from container.rendering import palette
from container.rendering.annotations import draw_keypoints
from container.rendering.fills import blend_table
from container.rendering.labels import draw_labels
from container.rendering.outlines import draw_outline
from container.rendering.palette import Color
from container.rendering.regions import regions
from container.rendering.shapes import draw_box
from container.rendering.text import font_size
from container.structures import Appearance, Instances, Prediction


class _Widths(NamedTuple):
    """Pixels of each kind of line."""

    box: int
    outline: int  # in the instance's colour
    core: int  # white, in the middle of an outline
    small: int  # around a region that is too small for a core
    limb: int  # between keypoints
    dot: int  # the radius of a keypoint

    @classmethod
    def of(cls, instances: Instances, line_width: int | None) -> "_Widths":
        """Return what was asked for, else widths by the picture's size."""
        if line_width is not None:
            return cls(line_width, line_width, line_width // 2, line_width, line_width, max(line_width, 2))
        basic = max(1, round(font_size(instances.image_size) / 9))
        # Beside outlines a thin box is enough; alone it is all there is to see.
        box = 2 * basic if instances.masks is None else basic
        return cls(box, 2 * basic + 1, basic, basic, basic + 1, 2 * basic)


def overlay(pixels: np.ndarray, prediction: Prediction, appearance: Appearance) -> np.ndarray:
    """A copy of uint8 H×W×3 `pixels` with the prediction drawn on it; boxes and keypoints are for instances only."""
    instances = prediction if isinstance(prediction, Instances) else prediction.instances()
    canvas = pixels.copy()
    colors = palette.shades(instances.classes)
    widths = _Widths.of(instances, appearance.line_width)
    if instances.masks is not None:
        _paint(canvas, pixels, instances, colors, appearance.opacity, widths)
    if isinstance(prediction, Instances):
        for i in reversed(range(len(instances))):
            if appearance.draw_boxes:
                draw_box(canvas, instances.boxes[i], colors[i], widths.box)
            if instances.keypoints is not None:
                draw_keypoints(canvas, instances.keypoints[i], colors[i], widths.limb, widths.dot)
    if appearance.draw_labels:
        draw_labels(canvas, prediction, instances, colors)
    return canvas


def _paint(
    canvas: np.ndarray,
    pixels: np.ndarray,
    instances: Instances,
    colors: list[Color],
    opacity: float,
    widths: _Widths,
) -> None:
    """Blend masks into `canvas`, always with the untouched `pixels`: where two overlap, the later one alone shows."""
    for region in regions(instances):
        color = colors[region.index]
        # A table and a masked copy: 6x the speed of indexing with a boolean array.
        blended = cv2.LUT(pixels[region.place], blend_table(color, opacity))
        cv2.copyTo(blended, region.crop, canvas[region.place])
        draw_outline(canvas, region, color, widths.outline, widths.core, widths.small)
