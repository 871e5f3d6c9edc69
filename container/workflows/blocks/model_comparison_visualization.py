"""What one model found and another did not."""

from typing import Any

from container.rendering.fills import fill_differences
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.blocks._visualization import COPY, IMAGE, canvas_of, color, fraction
from container.workflows.manifest import Block, Field, Output, Row, Step, add


class ModelComparisonVisualization(Block):
    ids = ("roboflow_core/model_comparison_visualization@v1",)
    title = "Model comparison visualization"
    doc = "Colour what only one of two models found, and what neither did; what both found stays as it is."
    fields = (
        IMAGE,
        COPY,
        Field("predictions_a", "What the first model found", kinds=kinds.DETECTIONS),
        color("color_a", "The colour of what only the first one found", "GREEN"),
        Field("predictions_b", "What the second model found", kinds=kinds.DETECTIONS),
        color("color_b", "The colour of what only the second one found", "RED"),
        color("background_color", "The colour of what neither found", "BLACK"),
        fraction("opacity", "How much of the picture the colours hide: 0 for nothing, 1 for all of it", 0.7),
    )
    outputs = (Output("image", (kinds.IMAGE,)),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        picture = _rows.picture(row, "image")
        first, second = (
            _rows.detections(row, name).moved_to(picture.frame).instances for name in ("predictions_a", "predictions_b")
        )
        values = {one.name: _rows.value(self, row, one.name) for one in self.fields if one.takes is not None}
        canvas, _ = canvas_of(picture.pixels, values["copy_image"], False, step)
        colors = values["color_a"], values["color_b"], values["background_color"]
        fill_differences(canvas, first, second, colors, values["opacity"])
        return {"image": picture.drawn(canvas)}


add(ModelComparisonVisualization())
