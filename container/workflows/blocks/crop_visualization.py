"""What was found, enlarged."""

from container.fields import Number
from container.rendering.effects import enlarge
from container.rendering.shapes import draw_box
from container.workflows import kinds
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
from container.workflows.manifest import Field, add


class CropVisualization(Visualization):
    ids = "roboflow_core/crop_visualization@v1", "CropVisualization"
    title = "Crop visualization"
    doc = "Draw every detection once more, enlarged and framed, at a point of its box."
    fields = (
        IMAGE,
        PREDICTIONS,
        COPY,
        *COLORS,
        position("position", "The point of the box from which the enlarged picture grows outwards", "TOP_CENTER"),
        Field(
            "scale_factor",
            "How many times as large it is",
            Number(0.05, 50),
            (kinds.FLOAT, kinds.INTEGER),
            2.0,
        ),
        pixels("border_thickness", "Width of the frame in pixels, 0 for none", 2, 0),
    )
    keeps_source = True

    def draw(self, scene: Scene) -> None:
        points, values = scene.points("position"), scene.values
        for i, box, color in scene.marks():
            place = enlarge(scene.canvas, scene.source, box, points[i], values["position"], values["scale_factor"])
            if place is not None and values["border_thickness"]:
                draw_box(scene.canvas, place, color, values["border_thickness"])


add(CropVisualization())
