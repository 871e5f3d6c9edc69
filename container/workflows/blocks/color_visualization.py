"""Boxes in colour over what was found."""

from dataclasses import replace

from container.rendering.fills import fill_regions
from container.workflows.blocks._visualization import COLORS, COPY, IMAGE, PREDICTIONS, Scene, Visualization, fraction
from container.workflows.manifest import add


class ColorVisualization(Visualization):
    ids = "roboflow_core/color_visualization@v1", "ColorVisualization"
    title = "Color visualization"
    doc = "Fill the box of every detection with a colour that the picture shines through."
    fields = (
        IMAGE,
        PREDICTIONS,
        COPY,
        *COLORS,
        fraction("opacity", "How much of the picture the colour hides: 0 for nothing, 1 for all of it", 0.5),
    )

    def draw(self, scene: Scene) -> None:
        fill_regions(scene.canvas, replace(scene.instances, masks=None), scene.colors, scene.values["opacity"])


add(ColorVisualization())
