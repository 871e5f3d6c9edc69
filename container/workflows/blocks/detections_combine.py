"""Detections of two steps together."""

from typing import Any

from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.blocks._joining import joined
from container.workflows.manifest import Block, Field, Output, Row, Step, add

DETECTIONS = kinds.OBJECTS, kinds.MASKS, kinds.RLE_MASKS


class DetectionsCombine(Block):
    """The detections of two steps, one after the other."""

    ids = ("roboflow_core/detections_combine@v1",)
    title = "Detections combine"
    doc = "Puts the detections of two steps in one list."
    fields = (
        Field("prediction_one", "The first detections", kinds=DETECTIONS),
        Field("prediction_two", "Those that come after them", kinds=DETECTIONS),
    )
    outputs = (Output("predictions", DETECTIONS),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        both = [_rows.detections(row, f"prediction_{which}") for which in ("one", "two")]
        return {"predictions": joined(both, both[0].frame, step)}


add(DetectionsCombine())
