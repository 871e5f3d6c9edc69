"""Circles around what was found."""

from container.rendering.shapes import draw_circle
from container.workflows.blocks._visualization import COLORS, COPY, IMAGE, PREDICTIONS, Scene, Visualization, thickness
from container.workflows.manifest import add


class CircleVisualization(Visualization):
    ids = "roboflow_core/circle_visualization@v1", "CircleVisualization"
    title = "Circle visualization"
    doc = "Draw a circle through the corners of every detection's box."
    fields = (IMAGE, PREDICTIONS, COPY, *COLORS, thickness(2))

    def draw(self, scene: Scene) -> None:
        for _, box, color in scene.marks():
            draw_circle(scene.canvas, box, color, scene.thickness)


add(CircleVisualization())
