"""A colour over all that is outside of what was found."""

from container.rendering.fills import fill_outside
from container.workflows.blocks._visualization import COPY, IMAGE, PREDICTIONS, Scene, Visualization, color, fraction
from container.workflows.manifest import add


class BackgroundColorVisualization(Visualization):
    ids = "roboflow_core/background_color_visualization@v1", "BackgroundColorVisualization"
    title = "Background color visualization"
    doc = "Lay a colour over all that no mask covers, or no box where there are no masks."
    fields = (
        IMAGE,
        PREDICTIONS,
        COPY,
        color("color", "The colour", "BLACK"),
        fraction("opacity", "How much of the background it hides: 0 for nothing, 1 for all of it", 0.5),
    )
    draws_nothing = False  # the whole picture is background then

    def draw(self, scene: Scene) -> None:
        fill_outside(scene.canvas, scene.instances, scene.values["color"], scene.values["opacity"])


add(BackgroundColorVisualization())
