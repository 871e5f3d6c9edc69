"""Dots at what was found."""

from container.rendering.shapes import draw_dot
from container.workflows.blocks._visualization import (
    COLORS,
    COPY,
    IMAGE,
    PREDICTIONS,
    Scene,
    Visualization,
    pixels,
    position,
)
from container.workflows.manifest import add


class DotVisualization(Visualization):
    ids = "roboflow_core/dot_visualization@v1", "DotVisualization"
    title = "Dot visualization"
    doc = "Draw a dot at a point of every detection's box."
    fields = (
        IMAGE,
        PREDICTIONS,
        COPY,
        *COLORS,
        position("position", "The point of the box", "CENTER"),
        pixels("radius", "Radius of the dot in pixels", 4, high=500),
        pixels("outline_thickness", "Width of the dot's black outline in pixels, 0 for none", 0, 0),
    )

    def draw(self, scene: Scene) -> None:
        radius, outline = scene.values["radius"], scene.values["outline_thickness"]
        points = scene.points("position")
        for i, _, color in scene.marks():
            draw_dot(scene.canvas, points[i], color, radius, outline)


add(DotVisualization())
