"""Keypoints of what was found: the lines between them, dots, or their numbers."""

from dataclasses import dataclass
from typing import Any

from container.fields import Number, Word
from container.rendering.keypoints import draw_dots, draw_edges, draw_numbers
from container.rendering.text import Style
from container.structures.keypoints import COCO_KEYPOINTS, SKELETON
from container.workflows import kinds
from container.workflows.blocks._visualization import (
    COPY,
    IMAGE,
    Scene,
    Visualization,
    color,
    pixels,
    text_scale,
    thickness,
)
from container.workflows.blocks.label_visualization import FONT_SIZE, weight
from container.workflows.errors import StepFailed
from container.workflows.manifest import Field, add

MAX_EDGES = 1000
_NUMBER = Number(1, MAX_EDGES, whole=True)


@dataclass(frozen=True)
class Edges:
    """Pairs of numbers of keypoints, which count from 1."""

    words = "a list of pairs of numbers of keypoints, from 1 on, such as [[1, 2], [2, 3]]"

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        pair = {"type": "array", "items": _NUMBER.schema, "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": pair, "maxItems": MAX_EDGES}

    def convert(self, value: object) -> tuple[tuple[int, int], ...]:
        """Return the pairs; ValueError if they are none."""
        if not isinstance(value, list | tuple) or len(value) > MAX_EDGES:
            raise ValueError
        edges = []
        for pair in value:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise ValueError
            start, end = (int(_NUMBER.convert(one)) for one in pair)
            edges.append((start, end))
        return tuple(edges)


class KeypointVisualization(Visualization):
    ids = "roboflow_core/keypoint_visualization@v1", "KeypointVisualization"
    title = "Keypoint visualization"
    doc = "Draw the keypoints of every detection: lines between them, dots, or their numbers."
    fields = (
        IMAGE,
        Field("predictions", "What was found in it", kinds=(kinds.KEYPOINTS,)),
        COPY,
        Field("annotator_type", "Lines, dots, or numbers", Word(("edge", "vertex", "vertex_label")), (), "edge"),
        color("color", "The colour of lines, dots and labels", "#A351FB"),
        color("text_color", "The colour of numbers", "black"),
        text_scale("How large numbers are: 21 pixels high at 1", 0.5),
        pixels("text_thickness", "How bold numbers are, 1 to 4; more is as 4", 1),
        pixels("text_padding", "Pixels between a number and the border of its label", 10, 0, 500),
        thickness(2),
        pixels("radius", "Radius of dots in pixels, or of the corners of labels", 10, high=500),
        Field(
            "edges",
            "The pairs of keypoints that lines join, which count from 1; null: those of a person's 17",
            Edges(),
            (kinds.LIST,),
            None,
        ),
    )

    def draw(self, scene: Scene) -> None:
        keypoints, values = scene.instances.keypoints, scene.values
        if keypoints is None:
            raise StepFailed("the predictions have no keypoints", hint="take those of a keypoint detection model")
        style = Style(weight(values["text_thickness"]), values["text_padding"], values["radius"], values["text_color"])
        edges = _edges(values["edges"], keypoints.shape[1]) if values["annotator_type"] == "edge" else ()
        for i in scene.order():
            if values["annotator_type"] == "edge":
                draw_edges(scene.canvas, keypoints[i], edges, values["color"], scene.thickness)
            elif values["annotator_type"] == "vertex":
                draw_dots(scene.canvas, keypoints[i], values["color"], values["radius"])
            else:
                size = max(1, round(FONT_SIZE * values["text_scale"]))
                draw_numbers(scene.canvas, keypoints[i], values["color"], size, style)


def _edges(given: tuple[tuple[int, int], ...] | None, count: int) -> tuple[tuple[int, int], ...]:
    """Return the pairs counting from 0."""
    if given is not None:
        return tuple((start - 1, end - 1) for start, end in given)
    if count == len(COCO_KEYPOINTS):
        return SKELETON
    raise StepFailed(f"edges is null, and {count} keypoints are no person's 17", hint="list pairs such as [[1, 2]]")


add(KeypointVisualization())
