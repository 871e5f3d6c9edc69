"""Squares of one colour over what was found."""

from container.rendering.effects import pixelate
from container.workflows.blocks._visualization import COPY, IMAGE, PREDICTIONS, Scene, Visualization, pixels
from container.workflows.manifest import add


class PixelateVisualization(Visualization):
    ids = "roboflow_core/pixelate_visualization@v1", "PixelateVisualization"
    title = "Pixelate visualization"
    doc = "Make the box of every detection squares of one colour each."
    fields = (
        IMAGE,
        PREDICTIONS,
        COPY,
        pixels("pixel_size", "Side of a square in pixels", 20, high=1000),
    )

    def draw(self, scene: Scene) -> None:
        pixelate(scene.canvas, scene.instances, scene.values["pixel_size"])


add(PixelateVisualization())
