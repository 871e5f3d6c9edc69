"""One part of every picture, in pixels."""

from typing import Any

from container.fields import Number
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.blocks._static_crop import crop_around
from container.workflows.manifest import Block, Field, Output, Row, Step, add

PIXELS = Number(1, 1_000_000, whole=True)


class AbsoluteStaticCrop(Block):
    """Crops at a place in pixels."""

    ids = "roboflow_core/absolute_static_crop@v1", "AbsoluteStaticCrop"
    title = "Absolute static crop"
    doc = "Cuts the same part out of every picture, given in pixels; null where it lies outside of the picture."
    fields = (
        Field("images", "The picture to cut from", kinds=(kinds.IMAGE,), aliases=("image",)),
        Field("x_center", "The middle of the part, in pixels from the left", PIXELS, (kinds.INTEGER,)),
        Field("y_center", "The middle of the part, in pixels from the top", PIXELS, (kinds.INTEGER,)),
        Field("width", "The width of the part in pixels", PIXELS, (kinds.INTEGER,)),
        Field("height", "The height of the part in pixels", PIXELS, (kinds.INTEGER,)),
    )
    outputs = (Output("crops", (kinds.IMAGE,)),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        x, y, width, height = (_rows.value(self, row, name) for name in ("x_center", "y_center", "width", "height"))
        return {
            "crops": crop_around(_rows.picture(row, "images"), "absolute_static_crop", (x, y), (width, height), step)
        }


add(AbsoluteStaticCrop())
