"""How large things are."""

from typing import Any

import numpy as np

from container.cancellation import checkpoint
from container.fields import Number
from container.structures import Instances
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.manifest import Block, Field, Output, Row, Step, add

DETECTIONS = kinds.OBJECTS, kinds.MASKS, kinds.RLE_MASKS


class MaskAreaMeasurement(Block):
    """Detections with their areas."""

    ids = ("roboflow_core/mask_area_measurement@v1",)
    title = "Mask area measurement"
    doc = "Adds the area of each detection's mask, or else its box: area_px in pixels, area_converted in other units."
    fields = (
        Field("predictions", "The detections to measure", kinds=DETECTIONS),
        Field(
            "pixels_per_unit",
            "How many pixels a unit of length has, such as a centimetre",
            Number(1e-6, 1e6),
            (kinds.FLOAT,),
            1.0,
        ),
    )
    outputs = (Output("predictions", DETECTIONS),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        detections = _rows.detections(row, "predictions")
        scale = _rows.value(self, row, "pixels_per_unit") ** 2
        areas = [_area(detections.instances, i) for i in range(len(detections))]
        measured = detections.with_data("area_px", areas).with_data("area_converted", [area / scale for area in areas])
        return {"predictions": measured}


def _area(instances: Instances, i: int) -> float:
    checkpoint()
    pixels = 0 if instances.masks is None else np.count_nonzero(instances.masks.crop(i)[0])
    left, top, right, bottom = instances.boxes[i].tolist()
    return float(pixels or (right - left) * (bottom - top))


add(MaskAreaMeasurement())
