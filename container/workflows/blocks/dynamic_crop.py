"""Crops of what was found in a picture."""

from typing import Any

import numpy as np

from container.cancellation import checkpoint
from container.fields import Number
from container.rendering.fills import fill_outside
from container.rendering.palette import BLACK
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.blocks._colors import OneColor
from container.workflows.manifest import Block, Field, Output, Row, Step, add


class DynamicCrop(Block):
    """Crops of detections."""

    ids = "roboflow_core/dynamic_crop@v1", "DynamicCrop", "Crop"
    title = "Dynamic crop"
    doc = "Cuts every detection out of its picture, each as a picture of its own."
    fields = (
        Field("images", "The picture to cut from", kinds=(kinds.IMAGE,), aliases=("image",)),
        Field("predictions", "The detections to cut out", kinds=kinds.DETECTIONS, aliases=("detections",)),
        Field(
            "mask_opacity",
            "How much of `background_color` covers the pixels outside of a detection's mask; 0 leaves them as they are",
            Number(0, 1),
            (kinds.FRACTION,),
            0.0,
        ),
        Field(
            "background_color",
            "The colour for pixels outside of the mask",
            OneColor(),
            (kinds.STRING, kinds.COLOR),
            BLACK,
        ),
    )
    outputs = Output("crops", (kinds.IMAGE,)), Output("predictions", kinds.DETECTIONS)
    deeper = True

    def run(self, row: Row, step: Step) -> list[dict[str, Any]]:
        picture = _rows.picture(row, "images")
        detections = _rows.detections(row, "predictions").moved_to(picture.frame)
        opacity, color = (_rows.value(self, row, name) for name in ("mask_opacity", "background_color"))
        height, width = picture.frame.size
        boxes = np.clip(np.rint(detections.instances.boxes), 0, [width, height, width, height]).astype(np.int64)
        sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
        step.room(int(sides.prod(axis=1).sum()))
        results = []
        for i, box in enumerate(boxes.tolist()):
            checkpoint()
            if sides[i].all():
                crop = picture.crop(detections.ids[i], *box)
                own = detections.moved_to(crop.frame)[[i]]
                if opacity and own.instances.masks is not None:
                    fill_outside(crop.pixels, own.instances, color, opacity)  # pixels of its own
                results.append({"crops": crop, "predictions": own})
            else:
                results.append({"crops": None, "predictions": None})
        return results


add(DynamicCrop())
