"""Larger boxes."""

from dataclasses import replace
from typing import Any

import numpy as np

from container.fields import Number, Word
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.values import new_id

PERCENT, PIXELS = "Percent (%)", "Pixels"
OFFSET = Number(1, 1_000_000, whole=True)


class DetectionOffset(Block):
    """Detections with larger boxes."""

    ids = "roboflow_core/detection_offset@v1", "DetectionOffset"
    title = "Detection offset"
    doc = "Makes the boxes of detections wider and higher, up to the border of the picture; masks stay as they are."
    fields = (
        Field("predictions", "The detections whose boxes to enlarge", kinds=kinds.DETECTIONS),
        Field(
            "offset_width",
            "How much wider a box gets, half of it on each side",
            OFFSET,
            (kinds.INTEGER,),
            aliases=("offset_x",),
        ),
        Field(
            "offset_height",
            "How much higher a box gets, half of it above and half below",
            OFFSET,
            (kinds.INTEGER,),
            aliases=("offset_y",),
        ),
        Field(
            "units",
            "What the offsets count: pixels, or hundredths of a box's side",
            Word((PERCENT, PIXELS)),
            (),
            PIXELS,
        ),
    )
    outputs = (Output("predictions", kinds.DETECTIONS),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        detections = _rows.detections(row, "predictions")
        offsets = np.array([_rows.value(self, row, name) for name in ("offset_width", "offset_height")])
        boxes = detections.instances.boxes
        if row["units"] == PERCENT:
            halves = np.trunc((boxes[:, 2:] - boxes[:, :2]) * offsets / 200)
        else:
            halves = np.broadcast_to(offsets // 2, (len(boxes), 2))
        height, width = detections.frame.size
        corners = np.concatenate([boxes[:, :2] - halves, boxes[:, 2:] + halves], axis=1)
        larger = np.clip(corners, 0, [width, height, width, height]).astype(np.float32)
        moved = replace(detections.instances, boxes=larger)
        return {"predictions": replace(detections, instances=moved, ids=tuple(new_id() for _ in boxes))}


add(DetectionOffset())
