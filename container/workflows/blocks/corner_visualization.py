"""Corners of boxes around what was found."""

from container.rendering.shapes import draw_corners
from container.workflows.blocks._visualization import (
    COLORS,
    COPY,
    IMAGE,
    PREDICTIONS,
    Scene,
    Visualization,
    pixels,
    thickness,
)
from container.workflows.manifest import add


class CornerVisualization(Visualization):
    ids = "roboflow_core/corner_visualization@v1", "CornerVisualization"
    title = "Corner visualization"
    doc = "Draw the four corners of every detection's box."
    fields = (
        IMAGE,
        PREDICTIONS,
        COPY,
        *COLORS,
        thickness(4),
        pixels("corner_length", "Length of each arm in pixels; it ends at the middle of a side", 15, high=10_000),
    )

    def draw(self, scene: Scene) -> None:
        for _, box, color in scene.marks():
            draw_corners(scene.canvas, box, color, scene.thickness, scene.values["corner_length"])


add(CornerVisualization())
