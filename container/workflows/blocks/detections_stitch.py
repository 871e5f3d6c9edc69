"""What was found in the slices of a picture, in the picture."""

from dataclasses import replace
from typing import Any

import numpy as np

from container.fields import Number, Word
from container.structures.overlap import apart, groups
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.blocks._joining import joined, united
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.values import Detections

DETECTIONS = kinds.OBJECTS, kinds.MASKS, kinds.RLE_MASKS


class DetectionsStitch(Block):
    """Detections of slices, together."""

    ids = ("roboflow_core/detections_stitch@v1",)
    title = "Detections stitch"
    doc = "Puts what was found in the slices of a picture together, and joins what several slices have found."
    fields = (
        Field("reference_image", "The picture that was sliced", kinds=(kinds.IMAGE,)),
        Field("predictions", "What was found in each slice", kinds=DETECTIONS, level=1),
        Field(
            "overlap_filtering_strategy",
            "What becomes of detections of one class that overlap: nms keeps the best, nmm makes one of all, none "
            "leaves them",
            Word(("none", "nms", "nmm")),
            (kinds.STRING,),
            "nms",
        ),
        Field(
            "iou_threshold",
            "The IoU of masks, or of boxes where there are none, from which on they overlap",
            Number(0, 1),
            (kinds.FRACTION,),
            0.3,
        ),
    )
    outputs = (Output("predictions", DETECTIONS),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        frame = _rows.picture(row, "reference_image").frame
        strategy, threshold = (_rows.value(self, row, name) for name in ("overlap_filtering_strategy", "iou_threshold"))
        parts = [_rows.detections({"predictions": one}, "predictions") for one in row["predictions"]]
        whole = joined(parts, frame, step)
        if strategy == "nms":
            whole = whole[apart(whole.instances, threshold)]
        elif strategy == "nmm":
            whole = _merged(whole, groups(whole.instances, threshold), step)
        return {"predictions": whole}


def _merged(detections: Detections, members: list[list[int]], step: Step) -> Detections:
    """Return one detection for each group: that of the first, the best, around all of them."""
    best = detections[[group[0] for group in members]]
    instances, boxes, scores = detections.instances, best.instances.boxes.copy(), best.instances.scores.copy()
    for place, group in enumerate(members):
        corners = instances.boxes[group]
        boxes[place] = [*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0)]
        areas = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
        if areas.sum() > 0:
            scores[place] = np.average(instances.scores[group], weights=areas)
    masks = None if instances.masks is None else united(instances.masks, members, step)
    whole = replace(best, instances=replace(best.instances, boxes=boxes, scores=scores, masks=masks))
    return whole[np.argsort(-scores, kind="stable")]


add(DetectionsStitch())
