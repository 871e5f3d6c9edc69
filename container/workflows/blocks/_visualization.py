"""What all blocks that draw have in common: the picture and what was found in it, colours, and what they give."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from container.cancellation import checkpoint
from container.fields import Flag, Number, Word
from container.rendering.anchors import POSITIONS, anchor_points
from container.rendering.colors import MAX_COLORS, PALETTES, colors_of, palette_colors
from container.rendering.palette import Color
from container.rendering.text import font_size
from container.structures import Instances
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.blocks._colors import OneColor, SomeColors
from container.workflows.blocks._models import OrNull
from container.workflows.errors import StepFailed
from container.workflows.manifest import Block, Field, Output, Row, Step
from container.workflows.values import Detections

TRACKER = "tracker_id"  # a member of detections that were followed from picture to picture
AXES = "INDEX", "CLASS", "TRACK"


def pixels(name: str, doc: str, default: int, low: int = 1, high: int = 100) -> Field:
    """Return a field for a number of pixels."""
    return Field(name, doc, Number(low, high, whole=True), (kinds.INTEGER,), default)


def thickness(default: int) -> Field:
    """Return the field for the width of lines."""
    takes = OrNull(Number(1, 100, whole=True))
    return Field(
        "thickness", "Width of the line in pixels; null: by the picture's size", takes, (kinds.INTEGER,), default
    )


def text_scale(doc: str, default: float) -> Field:
    """Return the field for the size of letters."""
    return Field("text_scale", doc, Number(0.1, 10), (kinds.FLOAT, kinds.INTEGER), default)


def fraction(name: str, doc: str, default: float) -> Field:
    """Return a field for a number from 0 to 1."""
    return Field(name, doc, Number(0, 1), (kinds.FRACTION, kinds.FLOAT), default)


def color(name: str, doc: str, default: str) -> Field:
    """Return a field for a colour."""
    return Field(name, doc, OneColor(), (kinds.STRING, kinds.COLOR), default)


def word(name: str, doc: str, allowed: Sequence[str], default: str) -> Field:
    """Return a field for one of some words."""
    return Field(name, doc, Word(tuple(allowed)), (kinds.STRING,), default)


def position(name: str, doc: str, default: str) -> Field:
    """Return a field for a point of a box, or its centre of mass."""
    return word(name, doc, POSITIONS, default)


IMAGE = Field("image", "The picture to draw on", kinds=(kinds.IMAGE,), aliases=("images",))
PREDICTIONS = Field("predictions", "What was found in it", kinds=kinds.DETECTIONS)
MASKED_PREDICTIONS = Field("predictions", "What was found in it", kinds=(kinds.MASKS, kinds.RLE_MASKS))
COPY = Field(
    "copy_image",
    "True draws on a copy; false on the picture itself, so that later steps that read it see the drawing",
    Flag(),
    (kinds.BOOLEAN,),
    True,
)
COLORS = (
    word("color_palette", "Where colours are taken from", PALETTES, "DEFAULT"),
    Field(
        "palette_size",
        "How many colours are taken from a palette of Matplotlib, at equal steps",
        Number(1, MAX_COLORS, whole=True),
        (kinds.INTEGER,),
        10,
    ),
    Field("custom_colors", "The colours of the palette CUSTOM", SomeColors(), (kinds.LIST,), ()),
    word("color_axis", "What has a colour of its own: each detection, each class, or each track", AXES, "CLASS"),
)


@dataclass(frozen=True, eq=False)
class Scene:
    """What one picture is drawn from."""

    canvas: np.ndarray  # uint8 H×W×3 RGB, to draw on
    source: np.ndarray  # the same as it was, if the block `keeps_source`, else canvas
    found: Detections  # in pixels of the picture
    colors: Sequence[Color]  # one an instance, if the block has COLORS
    values: Mapping[str, Any]  # of the other fields

    @property
    def instances(self) -> Instances:
        """What was found, as drawing knows it."""
        return self.found.instances

    def order(self) -> Iterator[int]:
        """Yield the number of each instance, the best last and so on top; before each is a checkpoint."""
        for i in reversed(range(len(self.instances))):
            checkpoint()
            yield i

    def marks(self) -> Iterator[tuple[int, np.ndarray, Color]]:
        """Yield as `order` the number, the box and the colour of each instance."""
        return ((i, self.instances.boxes[i], self.colors[i]) for i in self.order())

    @property
    def thickness(self) -> int:
        """The width of lines in pixels."""
        given = self.values["thickness"]
        return 2 * max(1, round(font_size(self.canvas.shape[:2]) / 9)) if given is None else int(given)

    def points(self, name: str) -> np.ndarray:
        """Return float N×2, the points of boxes that field `name` says; StepFailed if they are not known."""
        try:
            return anchor_points(self.instances, self.values[name])
        except ValueError:
            message = f"{name} is {self.values[name]}, and there are no masks"
            raise StepFailed(message, hint="choose another one, or ask a model for masks") from None


class Visualization(Block):
    """A block that draws what was found in a picture."""

    outputs = (Output("image", (kinds.IMAGE,)),)
    keeps_source = False  # True if it reads pixels that it may have drawn on
    draws_nothing = True  # True if it does nothing where nothing is found

    @abstractmethod
    def draw(self, scene: Scene) -> None:
        """Draw into the scene's canvas; StepFailed if values do not go together."""

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        """Return the picture drawn on; the same where there is nothing to draw."""
        picture = _rows.picture(row, "image")
        found = _rows.detections(row, "predictions").moved_to(picture.frame)
        values = {one.name: _rows.value(self, row, one.name) for one in self.fields if one.takes is not None}
        if not len(found) and self.draws_nothing:
            return {"image": picture}
        colors = _colors(values, found) if "color_palette" in values else ()
        canvas, source = canvas_of(picture.pixels, values["copy_image"], self.keeps_source, step)
        self.draw(Scene(canvas, source, found, colors, values))
        return {"image": picture.drawn(canvas)}


def canvas_of(pixels: np.ndarray, copy: bool, keeps_source: bool, step: Step) -> tuple[np.ndarray, np.ndarray]:
    """Return what is drawn on, and the picture as it was (the former, unless it is to be kept)."""
    step.check()
    fresh = copy or not (pixels.flags.writeable and pixels.flags.c_contiguous)  # OpenCV draws on no other arrays
    if fresh or keeps_source:
        step.room(pixels.shape[0] * pixels.shape[1])
    canvas = pixels.copy() if fresh else pixels
    return canvas, pixels.copy() if keeps_source and not fresh else pixels


def _colors(values: Mapping[str, Any], found: Detections) -> list[Color]:
    try:
        palette = palette_colors(values["color_palette"], values["palette_size"], values["custom_colors"])
    except ValueError:
        hint = 'list colours in custom_colors, such as ["#ff0000", "#0000ff"]'
        raise StepFailed("color_palette is CUSTOM, and custom_colors is empty", hint=hint) from None
    if values["color_axis"] == "INDEX":
        return colors_of(range(len(found)), palette)
    if values["color_axis"] == "CLASS":
        return colors_of(found.instances.classes.tolist(), palette)
    if TRACKER not in found.data:
        raise StepFailed("color_axis is TRACK, and there are no tracker ids", hint="choose CLASS or INDEX")
    return colors_of([one if isinstance(one, int) else -1 for one in found.data[TRACKER]], palette)
