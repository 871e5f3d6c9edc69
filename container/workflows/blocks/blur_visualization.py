"""Blurs over what was found."""

from container.fields import Number
from container.rendering.effects import blur
from container.workflows import kinds
from container.workflows.blocks._models import OrNull
from container.workflows.blocks._visualization import COPY, IMAGE, PREDICTIONS, Scene, Visualization, pixels
from container.workflows.manifest import Field, add


class BlurVisualization(Visualization):
    ids = "roboflow_core/blur_visualization@v1", "BlurVisualization"
    title = "Blur visualization"
    doc = "Blur the mask of every detection, or its box where there are no masks."
    fields = (
        IMAGE,
        PREDICTIONS,
        COPY,
        Field(
            "kernel_size",
            "Pixels, across and down, of which each pixel becomes the mean; null: a third of the shorter side of each",
            OrNull(Number(1, 1000, whole=True)),
            (kinds.INTEGER,),
            15,
        ),
        pixels("padding", "Pixels around every mask or box that are blurred, too", 0, 0, 1000),
    )

    def draw(self, scene: Scene) -> None:
        blur(scene.canvas, scene.instances, scene.values["kernel_size"], scene.values["padding"])


add(BlurVisualization())
