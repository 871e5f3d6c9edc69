"""Masks in colour over what was found."""

from dataclasses import replace

from container.rendering.fills import fill_regions
from container.workflows import kinds
from container.workflows.blocks._visualization import (
    COLORS,
    COPY,
    IMAGE,
    MASKED_PREDICTIONS,
    Scene,
    Visualization,
    fraction,
)
from container.workflows.manifest import add


class MaskVisualization(Visualization):
    ids = "roboflow_core/mask_visualization@v1", "MaskVisualization"
    title = "Mask visualization"
    doc = "Fill the mask of every detection with a colour that the picture shines through."
    fields = (
        IMAGE,
        replace(MASKED_PREDICTIONS, kinds=(kinds.MASKS, kinds.RLE_MASKS, kinds.SEMANTIC)),
        COPY,
        *COLORS,
        fraction("opacity", "How much of the picture the colour hides: 0 for nothing, 1 for all of it", 0.5),
    )

    def draw(self, scene: Scene) -> None:
        if scene.instances.masks is not None:
            fill_regions(scene.canvas, scene.instances, scene.colors, scene.values["opacity"])


add(MaskVisualization())
