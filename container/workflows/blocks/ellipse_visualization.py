"""Arcs at the foot of what was found."""

from container.fields import Number
from container.rendering.shapes import draw_ellipse
from container.workflows import kinds
from container.workflows.blocks._visualization import COLORS, COPY, IMAGE, PREDICTIONS, Scene, Visualization, thickness
from container.workflows.manifest import Field, add

_DEGREES = Number(-360, 360, whole=True)


class EllipseVisualization(Visualization):
    ids = "roboflow_core/ellipse_visualization@v1", "EllipseVisualization"
    title = "Ellipse visualization"
    doc = "Draw an arc on the ground around every detection."
    fields = (
        IMAGE,
        PREDICTIONS,
        COPY,
        *COLORS,
        thickness(2),
        Field(
            "start_angle", "Where the arc begins, in degrees from the right, clockwise", _DEGREES, (kinds.INTEGER,), -45
        ),
        Field("end_angle", "Where the arc ends, in the same degrees", _DEGREES, (kinds.INTEGER,), 235),
    )

    def draw(self, scene: Scene) -> None:
        start, end = scene.values["start_angle"], scene.values["end_angle"]
        for _, box, color in scene.marks():
            draw_ellipse(scene.canvas, box, color, scene.thickness, start, end)


add(EllipseVisualization())
