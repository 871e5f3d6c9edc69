"""Detections after operations."""

from typing import Any

from container.workflows import kinds
from container.workflows.blocks._transformation import OPERATIONS, PARAMETERS, PREDICTIONS, transformed
from container.workflows.manifest import Block, Output, Row, Step, add


class DetectionsTransformation(Block):
    """Detections that were filtered, sorted, moved or renamed."""

    ids = "roboflow_core/detections_transformation@v1", "DetectionsTransformation"
    title = "Detections transformation"
    doc = "Filters, sorts, moves, resizes or renames detections, one operation after another."
    fields = (PREDICTIONS, OPERATIONS, PARAMETERS)
    outputs = (Output("predictions", kinds.DETECTIONS),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        changed = transformed(row["predictions"], row["operations"], row["operations_parameters"], step)
        return {"predictions": changed}


add(DetectionsTransformation())
