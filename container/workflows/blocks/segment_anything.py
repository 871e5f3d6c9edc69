"""Segment Anything 2: the masks of the objects in boxes that another step has found, or of the whole picture."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from container.fields import Flag, Name, Number
from container.service.segmenting import Family
from container.structures import CroppedMasks, Instances, Prompt
from container.workflows import kinds
from container.workflows.blocks._models import IMAGES, OrNull
from container.workflows.blocks._rows import detections, picture, value
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.models import Prompted
from container.workflows.values import Detections, Picture, new_id

SAM2 = Family("sam2", "version", "hiera_tiny")
LABEL = "foreground"  # where no boxes are given
_BOXES = Field("boxes", "Detections whose boxes show the objects", None, kinds.DETECTIONS, None)
_VERSION = Field("version", "The version of the model; null is hiera_tiny, or the only one", Name(200),
                 (kinds.STRING,), None)  # fmt: skip
_THRESHOLD = Field("threshold", "Masks of lower scores are left out", Number(), (kinds.FLOAT,), 0.0)
_MULTIMASK = Field("multimask_output", "Make three masks for each box and keep the best; false makes one",
                   OrNull(Flag()), (kinds.BOOLEAN,), True)  # fmt: skip


class SegmentAnything(Block):
    """Masks for the boxes of detections, which keep their classes."""

    ids = ("roboflow_core/segment_anything@v1",)
    title = "Segment Anything 2 model"
    doc = "Finds the mask of the object in each box; without boxes, one mask in the picture."
    fields = (IMAGES, _BOXES, _VERSION, _THRESHOLD, _MULTIMASK)
    outputs = (Output("predictions", (kinds.MASKS,)),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        """Return the masks in one picture; see `run_all`."""
        return self.run_all([row], step)[0]

    def run_all(self, rows: Sequence[Row], step: Step) -> list[dict[str, Any]]:
        """Return the masks in each picture; raises the errors of Models.segment, and StepFailed for a wrong value."""
        asked = [self._asked(row) for row in rows]
        thresholds = [value(self, row, _THRESHOLD.name) for row in rows]
        wanted = [one for one in asked if one.prompts]  # where a detector has found nothing, no model is asked
        found = iter(step.models.segment(SAM2, wanted, step.room))
        return [
            {"predictions": _detections(next(found) if one.prompts else _nothing(one.picture), one.picture, row, least)}
            for one, row, least in zip(asked, rows, thresholds, strict=True)
        ]

    def _asked(self, row: Row) -> Prompted:
        boxes = _boxes(row)
        prompts = (Prompt(),) if boxes is None else tuple(Prompt(box=box) for box in boxes.instances.boxes)
        version, multimask = (value(self, row, one.name) for one in (_VERSION, _MULTIMASK))
        return Prompted(picture(row, IMAGES.name), version, prompts, multimask)


def _boxes(row: Row) -> Detections | None:
    return None if row[_BOXES.name] is None else detections(row, _BOXES.name)


def _nothing(shown: Picture) -> Instances:
    size, none = shown.frame.size, np.zeros(0, np.int64)
    return Instances(size, np.zeros((0, 4), np.float32), np.zeros(0, np.float32), none, (), CroppedMasks((), size))


def _detections(found: Instances, shown: Picture, row: Row, least: float) -> Detections:
    """Return the masks that are not empty, in the order of the boxes and with the classes of these."""
    boxes = _boxes(row)
    classes = np.zeros(len(found), np.int64) if boxes is None else boxes.instances.classes
    labels = (LABEL,) * len(found) if boxes is None else boxes.instances.labels
    left, top, right, bottom = found.boxes.T
    keep = (found.scores >= least) & (right > left) & (bottom > top)
    kept = replace(found, classes=classes, labels=labels)[keep]
    return Detections(kept, shown.frame, tuple(new_id() for _ in kept.labels), new_id())


add(SegmentAnything())
