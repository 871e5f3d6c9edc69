"""Detections that fit."""

from typing import Any

from container.workflows import kinds
from container.workflows.blocks._transformation import OPERATIONS, PARAMETERS, PREDICTIONS, transformed
from container.workflows.manifest import Block, Output, Row, Step, add


class DetectionsFilter(Block):
    """See `doc`."""

    ids = ("roboflow_core/detections_filter@v1", "DetectionsFilter")
    title = "Detections Filter"
    doc = "Keeps the detections that fit, such as those of some classes or sizes."
    fields = (PREDICTIONS, OPERATIONS, PARAMETERS)
    outputs = (Output("predictions", kinds.DETECTIONS),)

    def run(self, row: Row, step: Step) -> Any:
        changed = transformed(row["predictions"], row["operations"], row["operations_parameters"], step)
        return {"predictions": changed}


add(DetectionsFilter())
