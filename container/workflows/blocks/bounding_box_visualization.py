"""Boxes around what was found."""

from container.rendering.shapes import draw_box
from container.workflows.blocks._visualization import (
    COLORS,
    COPY,
    IMAGE,
    PREDICTIONS,
    Scene,
    Visualization,
    fraction,
    thickness,
)
from container.workflows.manifest import add


class BoundingBoxVisualization(Visualization):
    ids = "roboflow_core/bounding_box_visualization@v1", "BoundingBoxVisualization"
    title = "Bounding box visualization"
    doc = "Draw a box around every detection."
    fields = (
        IMAGE,
        PREDICTIONS,
        COPY,
        *COLORS,
        thickness(2),
        fraction("roundness", "How round the corners are: 0 for square ones, 1 for half circles", 0),
    )

    def draw(self, scene: Scene) -> None:
        for _, box, color in scene.marks():
            draw_box(scene.canvas, box, color, scene.thickness, scene.values["roundness"])


add(BoundingBoxVisualization())
