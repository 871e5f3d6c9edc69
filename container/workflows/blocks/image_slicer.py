"""Slices of a picture, in which small things are found that a model misses in the whole."""

from abc import abstractmethod
from typing import Any

from container.cancellation import checkpoint
from container.errors import BadRequest
from container.fields import Number
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.values import new_id

MAX_SLICES = 1000  # of one picture
SIDE = Number(1, 1_000_000, whole=True)
OVERLAP = Number(0, 0.99)  # less than the whole, as the next slice would begin where the last one does

Span = tuple[int, int]  # first pixel and end of a slice along one side


class _Slicer(Block):
    """What slices have in common."""

    title = "Image slicer"
    fields = (
        Field("image", "The picture to slice", kinds=(kinds.IMAGE,), aliases=("images",)),
        Field("slice_width", "The width of a slice in pixels", SIDE, (kinds.INTEGER,), 640),
        Field("slice_height", "The height of a slice in pixels", SIDE, (kinds.INTEGER,), 640),
        Field(
            "overlap_ratio_width",
            "The share of a slice's width that the slice to its right has in common with it",
            OVERLAP,
            (kinds.FRACTION,),
            0.2,
        ),
        Field(
            "overlap_ratio_height",
            "The share of a slice's height that the slice below has in common with it",
            OVERLAP,
            (kinds.FRACTION,),
            0.2,
        ),
    )
    outputs = (Output("slices", (kinds.IMAGE,)),)
    deeper = True

    def run(self, row: Row, step: Step) -> list[dict[str, Any]]:
        picture = _rows.picture(row, "image")
        height, width = picture.frame.size
        wide, high = (_rows.value(self, row, f"slice_{side}") for side in ("width", "height"))
        columns = self.starts(width, wide, _rows.value(self, row, "overlap_ratio_width"))
        rows = self.starts(height, high, _rows.value(self, row, "overlap_ratio_height"))
        count = len(columns) * len(rows)
        if count > MAX_SLICES:
            raise BadRequest(
                f"slices of {wide} × {high} pixels divide a picture of {width} × {height} pixels into {count:,} parts; "
                f"{MAX_SLICES:,} are allowed",
                hint="give larger slices, or let them overlap less",
            )
        across = [(at, min(at + wide, width)) for at in columns]
        down = [(at, min(at + high, height)) for at in rows]
        step.room(_length(across) * _length(down))
        slices = []
        for top, bottom in down:
            checkpoint()
            for left, right in across:
                part = picture.crop(f"image_slicer.{new_id()}", left, top, right, bottom)
                slices.append({"slices": part})
        return slices

    @abstractmethod
    def starts(self, end: int, side: int, overlap: float) -> range | list[int]:
        """Return the first pixels of slices of `side` pixels along a picture of `end` pixels."""


def _length(spans: list[Span]) -> int:
    return sum(end - start for start, end in spans)


class ImageSlicer(_Slicer):
    """Slices that begin at equal distances."""

    ids = ("roboflow_core/image_slicer@v1",)
    doc = "Cuts a picture into slices that overlap; the last ones of a row or column may be smaller."

    def starts(self, end: int, side: int, overlap: float) -> range:
        return range(0, end, side - int(overlap * side))


class EvenImageSlicer(_Slicer):
    """Slices of equal size."""

    ids = ("roboflow_core/image_slicer@v2",)
    doc = "Cuts a picture into slices that overlap and are all of one size; the last ones overlap more."

    def starts(self, end: int, side: int, overlap: float) -> list[int]:
        side = min(side, end)
        return [*range(0, end - side, side - int(overlap * side)), end - side]


add(ImageSlicer())
add(EvenImageSlicer())
