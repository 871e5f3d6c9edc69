"""How large things are, next to a thing of known size."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from container.cancellation import checkpoint
from container.fields import Number
from container.ops.shapes import sides
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.values import Detections

MAX_POINTS = 10_000
LENGTH = Number(0, 1e9, above=True)
COORDINATE = Number(-1e6, 1e6)
Sides = tuple[float, float] | None  # width and height


@dataclass(frozen=True)
class Polygon:
    """The corners of an area."""

    words = "a polygon, [[x, y], …] in pixels"

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        point = {"type": "array", "items": COORDINATE.schema, "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": point, "maxItems": MAX_POINTS}

    def convert(self, value: object) -> list[list[float]]:
        """Return its points; ValueError if it is none."""
        if not isinstance(value, list) or len(value) > MAX_POINTS:
            raise ValueError
        if not all(isinstance(point, list | tuple) and len(point) == 2 for point in value):
            raise ValueError
        return [[COORDINATE.convert(one) for one in point] for point in value]


@dataclass(frozen=True)
class Dimensions:
    """A width and a height, as a list or as a text."""

    words = 'a width and a height over 0, such as [4.5, 3] or "4.5,3"'

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"anyOf": [{"type": "string"}, {"type": "array", "items": LENGTH.schema, "minItems": 2, "maxItems": 2}]}

    def convert(self, value: object) -> tuple[float, float]:
        """Return both; ValueError if they are none."""
        parts = [LENGTH.parse(part) for part in value.split(",")] if isinstance(value, str) else value
        if not isinstance(parts, list | tuple) or len(parts) != 2:
            raise ValueError
        width, height = (LENGTH.convert(part) for part in parts)
        return width, height


class SizeMeasurement(Block):
    """Sizes in other units than pixels."""

    ids = ("roboflow_core/size_measurement@v1",)
    title = "Size measurement"
    doc = "Measures the rectangle around each detection by a thing of known size in the same picture."
    fields = (
        Field("object_predictions", "The detections to measure", kinds=(kinds.MASKS, kinds.RLE_MASKS, kinds.OBJECTS)),
        Field(
            "reference_predictions",
            "The thing of known size: detections, of which the surest counts, or a polygon",
            Polygon(),
            (kinds.MASKS, kinds.RLE_MASKS, kinds.OBJECTS, kinds.LIST),
        ),
        Field("reference_dimensions", "Its width and height", Dimensions(), (kinds.STRING, kinds.LIST)),
    )
    outputs = (Output("dimensions", (kinds.LIST,)),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        detections = _rows.detections(row, "object_predictions")
        width, height = _rows.value(self, row, "reference_dimensions")
        reference = row["reference_predictions"]
        if isinstance(reference, Detections):
            known = _sides(reference, int(reference.instances.scores.argmax())) if len(reference) else None
        else:
            points = _rows.value(self, row, "reference_predictions")
            known = sides(np.array(points, np.float32).reshape(-1, 2))
        if known is None:
            return {"dimensions": None}
        scale = width / known[0], height / known[1]
        return {"dimensions": [_measured(_sides(detections, i), scale) for i in range(len(detections))]}


def _sides(detections: Detections, i: int) -> Sides:
    """Return the sides of a detection in pixels; None if it has no area."""
    checkpoint()
    masks = detections.instances.masks
    if masks is not None:
        return sides(masks.outline(i))
    left, top, right, bottom = detections.instances.boxes[i].tolist()
    return (right - left, bottom - top) if left < right and top < bottom else None


def _measured(found: Sides, scale: tuple[float, float]) -> dict[str, float] | None:
    if found is None:
        return None
    width, height = found[0] * scale[0], found[1] * scale[1]
    return {"width": width, "height": height, "longer": max(width, height), "shorter": min(width, height)}


add(SizeMeasurement())
