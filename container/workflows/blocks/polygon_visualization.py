"""Outlines of what was found."""

from container.rendering.outlines import draw_border
from container.rendering.regions import regions
from container.rendering.shapes import draw_box
from container.workflows.blocks._visualization import (
    COLORS,
    COPY,
    IMAGE,
    MASKED_PREDICTIONS,
    Scene,
    Visualization,
    thickness,
)
from container.workflows.manifest import add


class PolygonVisualization(Visualization):
    ids: tuple[str, ...] = ("roboflow_core/polygon_visualization@v2",)
    title = "Polygon visualization"
    doc = "Draw a line around the mask of every detection; nothing where there are no masks."
    fields = (IMAGE, MASKED_PREDICTIONS, COPY, *COLORS, thickness(2))

    def draw(self, scene: Scene) -> None:
        if scene.instances.masks is not None:
            for region in regions(scene.instances):
                draw_border(scene.canvas, region, scene.colors[region.index], scene.thickness)


class PolygonOrBoxVisualization(PolygonVisualization):
    ids = "roboflow_core/polygon_visualization@v1", "PolygonVisualization"
    doc = "Draw a line around the mask of every detection, or around its box where there are no masks."

    def draw(self, scene: Scene) -> None:
        super().draw(scene)
        if scene.instances.masks is None:
            for _, box, color in scene.marks():
                draw_box(scene.canvas, box, color, scene.thickness)


add(PolygonOrBoxVisualization())
add(PolygonVisualization())
