"""Triangles that point at what was found."""

from container.rendering.shapes import draw_triangle
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


class TriangleVisualization(Visualization):
    ids = "roboflow_core/triangle_visualization@v1", "TriangleVisualization"
    title = "Triangle visualization"
    doc = "Draw a triangle that points down at a point of every detection's box."
    fields = (
        IMAGE,
        PREDICTIONS,
        COPY,
        *COLORS,
        position("position", "The point of the box", "TOP_CENTER"),
        pixels("base", "Width of the triangle in pixels", 10, high=1000),
        pixels("height", "Height of the triangle in pixels", 10, high=1000),
        pixels("outline_thickness", "Width of the triangle's black outline in pixels, 0 for none", 0, 0),
    )

    def draw(self, scene: Scene) -> None:
        base, height, outline = (scene.values[name] for name in ("base", "height", "outline_thickness"))
        points = scene.points("position")
        for i, _, color in scene.marks():
            draw_triangle(scene.canvas, points[i], color, base, height, outline)


add(TriangleVisualization())
