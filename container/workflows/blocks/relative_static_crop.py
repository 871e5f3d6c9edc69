"""One part of every picture, in shares of its sides."""

from typing import Any

from container.fields import Number
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.blocks._static_crop import crop_around
from container.workflows.manifest import Block, Field, Output, Row, Step, add

SHARE = Number(0, 1)


class RelativeStaticCrop(Block):
    """Crops at a place in shares."""

    # The second is how the published engine spells it.
    ids = "roboflow_core/relative_static_crop@v1", "roboflow_core/relative_statoic_crop@v1", "RelativeStaticCrop"
    title = "Relative static crop"
    doc = "Cuts the same part out of every picture, given in shares of its sides; null where it would be empty."
    fields = (
        Field("images", "The picture to cut from", kinds=(kinds.IMAGE,), aliases=("image",)),
        Field("x_center", "The middle of the part, as a share of the picture's width", SHARE, (kinds.FRACTION,)),
        Field("y_center", "The middle of the part, as a share of the picture's height", SHARE, (kinds.FRACTION,)),
        Field("width", "The width of the part, as a share of the picture's", SHARE, (kinds.FRACTION,)),
        Field("height", "The height of the part, as a share of the picture's", SHARE, (kinds.FRACTION,)),
    )
    outputs = (Output("crops", (kinds.IMAGE,)),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        picture = _rows.picture(row, "images")
        high, wide = picture.frame.size
        x, width = (round(wide * _rows.value(self, row, name)) for name in ("x_center", "width"))
        y, height = (round(high * _rows.value(self, row, name)) for name in ("y_center", "height"))
        return {"crops": crop_around(picture, "relative_static_crop", (x, y), (width, height), step)}


add(RelativeStaticCrop())
