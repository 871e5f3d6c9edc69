"""Polygons of few corners around masks, such as zones to watch."""

from dataclasses import replace
from typing import Any

import numpy as np

from container.cancellation import checkpoint
from container.fields import Flag, Number
from container.ops.shapes import filled_part, fitted, scaled, simplified
from container.structures import CroppedMasks
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.blocks._joining import packed
from container.workflows.manifest import Block, Field, Output, Row, Step, add

CORNERS = Number(3, 100, whole=True)
PIXELS = 40  # of a picture that take as much memory as a corner in a list


class DynamicZone(Block):
    """Detections whose masks are simple polygons."""

    ids = "roboflow_core/dynamic_zone@v1", "DynamicZone"
    title = "Dynamic zone"
    doc = "Makes each mask a polygon with as many corners as asked for, around its largest part."
    fields = (
        Field("predictions", "The detections, with masks", kinds=(kinds.MASKS, kinds.RLE_MASKS)),
        Field("required_number_of_vertices", "How many corners a polygon has", CORNERS, (kinds.INTEGER,)),
        Field("scale_ratio", "How many times as large it then is", Number(0.01, 100), (kinds.FLOAT,), 1.0),
        Field("apply_least_squares", "Whether its sides lie amid the outline's points and not around them", Flag(),
              (kinds.BOOLEAN,), False),
        Field("midpoint_fraction", "The share of those points that counts, around the middle of a side", Number(0, 1),
              (kinds.FRACTION,), 1.0),
    )  # fmt: skip
    outputs = (
        Output("zones", (kinds.LIST,)),
        Output("predictions", (kinds.MASKS,)),
        Output("simplification_converged", (kinds.BOOLEAN,)),
    )

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        detections = _rows.detections(row, "predictions")
        masks, size = detections.instances.masks, detections.frame.size
        if masks is None:
            return {"zones": [], "predictions": None, "simplification_converged": False}
        count, ratio = (_rows.value(self, row, name) for name in ("required_number_of_vertices", "scale_ratio"))
        fraction = (
            _rows.value(self, row, "midpoint_fraction") if _rows.value(self, row, "apply_least_squares") else None
        )
        step.room(len(detections) * count * PIXELS)
        kept, zones, converged = list[int](), list[np.ndarray](), True
        for i in range(len(detections)):
            checkpoint()
            outline = masks.outline(i)
            if not len(outline):
                continue
            polygon = simplified(outline, count)
            converged = converged and len(polygon) == count
            polygon = polygon if fraction is None else fitted(polygon, outline, fraction)
            kept.append(i)
            zones.append(scaled(_exactly(polygon, count), ratio))
        rest = detections[kept]
        filled = CroppedMasks(tuple(packed(filled_part(zone, size), step) for zone in zones), size)
        points = [zone.tolist() for zone in zones]
        changed = replace(rest, instances=replace(rest.instances, masks=filled)).with_data("polygon", points)
        return {"zones": points, "predictions": changed, "simplification_converged": converged}


def _exactly(polygon: np.ndarray, count: int) -> np.ndarray:
    """Return the first `count` vertices, the last one repeated where there are fewer."""
    return np.concatenate([polygon, np.repeat(polygon[-1:], max(count - len(polygon), 0), axis=0)])[:count]


add(DynamicZone())
