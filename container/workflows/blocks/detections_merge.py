"""All detections as one."""

from dataclasses import replace
from typing import Any

import numpy as np

from container.fields import Name
from container.structures import Instances
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.blocks._joining import nothing
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.values import new_id


class DetectionsMerge(Block):
    """One box around all."""

    ids = ("roboflow_core/detections_merge@v1",)
    title = "Detections merge"
    doc = "Makes one box around all detections of a picture, with the lowest of their confidences."
    fields = (
        Field("predictions", "The detections", kinds=kinds.DETECTIONS),
        Field("class_name", "The class of the box; its id is 0", Name(200), (), "merged_detection"),
    )
    outputs = (Output("predictions", (kinds.OBJECTS,)),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        detections = _rows.detections(row, "predictions")
        if not len(detections):
            return {"predictions": nothing(detections.frame, detections)}
        boxes = detections.instances.boxes
        one = Instances(
            detections.frame.size,
            np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])[None],
            detections.instances.scores.min(keepdims=True),
            np.zeros(1, np.int64),
            (row["class_name"],),
        )
        return {"predictions": replace(detections, instances=one, ids=(new_id(),), data={})}


add(DetectionsMerge())
