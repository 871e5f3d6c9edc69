"""Turned rectangles around masks."""

from dataclasses import replace
from typing import Any

import numpy as np

from container.cancellation import checkpoint
from container.ops.shapes import Rectangle, filled_part, smallest_rectangle
from container.structures import CroppedMasks
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.blocks._joining import packed
from container.workflows.errors import StepFailed
from container.workflows.manifest import Block, Field, Output, Row, Step, add


class BoundingRect(Block):
    """Detections whose masks are rectangles."""

    ids = ("roboflow_core/bounding_rect@v1",)
    title = "Bounding rectangle"
    doc = "Makes each mask the smallest rectangle around its largest part, and adds the rectangle's corners and sides."
    fields = (Field("predictions", "The detections, with masks", kinds=(kinds.MASKS, kinds.RLE_MASKS)),)
    outputs = (Output("detections_with_rect", (kinds.MASKS,)),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        detections = _rows.detections(row, "predictions")
        masks = detections.instances.masks
        if masks is None:
            raise StepFailed("predictions have no masks; take them from a model of instance segmentation")
        kept, found = list[int](), list[Rectangle]()
        for i in range(len(detections)):
            checkpoint()
            outline = masks.outline(i)
            if len(outline):
                kept.append(i)
                found.append(smallest_rectangle(outline))
        corners = [np.rint(one.corners).astype(np.int32) for one in found]
        rest, size = detections[kept], detections.frame.size
        crops = tuple(packed(filled_part(one, size), step) for one in corners)
        boxes = np.array([crop.box for crop in crops], np.float32).reshape(-1, 4)
        instances = replace(rest.instances, boxes=boxes, masks=CroppedMasks(crops, size))
        # `width` and `height` take the place of the box's in an answer.
        data = {
            "rect": tuple(one.tolist() for one in corners),
            "width": tuple(one.width for one in found),
            "height": tuple(one.height for one in found),
            "angle": tuple(one.angle for one in found),
        }
        return {"detections_with_rect": replace(rest, instances=instances, data={**rest.data, **data})}


add(BoundingRect())
