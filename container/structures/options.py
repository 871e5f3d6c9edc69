"""The options of a request, with the same names in every protocol, each declared once: see `fields`."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from container.fields import Declared, Flag, Names, Number, Word

MaskDecodeMode = Literal["accurate", "tradeoff", "fast"]
MaskEncoding = Literal["none", "rle", "polygon"]
Render = Literal["overlay", "mask", "cutout", "ids", "blur", "pixelate", "crops"]
Colors = Literal["class", "instance"]

MAX_DETECTIONS = 100_000  # of one request

_FRACTION = Number(0, 1)
_COUNT = Number(1, MAX_DETECTIONS, whole=True)


def _open_option(takes: Number | Flag | Word | Names, default: str, doc: str) -> Any:
    """Return a field that is None for a default of the model or the picture, which `default` describes."""
    return field(default=None, metadata={"declared": Declared(takes, default, doc, nullable=True)})


def _option(takes: Number | Flag | Word, default: object, doc: str) -> Any:
    """Return a field with a default of its own."""
    shown = (
        str(default).lower() if isinstance(default, bool) else f"`{default}`" if isinstance(default, str) else default
    )
    return field(default=default, metadata={"declared": Declared(takes, str(shown), doc)})


@dataclass(frozen=True)
class Options:
    """Prediction options; None means the default of the model."""

    confidence: float | None = _open_option(
        _FRACTION, "the model's, 0.5", "Leave out lower scores; semantic models and classifiers: 0"
    )
    iou_threshold: float | None = _open_option(
        _FRACTION, "the model's, 0.5", "Of two boxes that overlap more than this, keep the better"
    )
    class_filter: tuple[str, ...] | None = _open_option(Names(), "all", "Leave out other classes")
    class_agnostic_nms: bool | None = _open_option(Flag(), "false", "Let boxes of different classes compete")
    max_detections: int | None = _open_option(
        _COUNT,
        "the model's",
        "Keep the best; with masks or keypoints at most 1,000, and 100,000 in all pictures of a request",
    )
    max_candidates: int | None = _open_option(
        _COUNT, "all", "Boxes that enter NMS; in RetinaNet and FCOS on each level, in SSD of each class"
    )
    mask_decode_mode: MaskDecodeMode | None = _open_option(
        Word(get_args(MaskDecodeMode)), "`accurate`", "How finely masks follow their outline"
    )
    tradeoff_factor: float | None = _open_option(_FRACTION, "0", "For `tradeoff`: from `fast` (0) to `accurate` (1)")


@dataclass(frozen=True)
class Appearance:
    """Presentation options of a response: mask encoding in JSON, and rendering of images."""

    scores: bool = _option(Flag(), False, "JSON: add `scores` and `class_ids`")
    masks: MaskEncoding = _option(Word(get_args(MaskEncoding)), "none", "JSON: add `scores`, `class_ids` and `masks`")
    render: Render = _option(
        Word(get_args(Render)),
        "overlay",
        "Pictures: drawn on, colours alone, the found pixels alone, their numbers (PNG of 16 bits), "
        "what was found blurred or pixelated, or cut out piece by piece",
    )
    colors: Colors = _option(
        Word(get_args(Colors)), "class", "In an overlay and a mask: shades of one colour a class, or a colour each"
    )
    opacity: float = _option(_FRACTION, 0.5, "Of the masks in an overlay")
    draw_boxes: bool = _option(Flag(), True, "In an overlay")
    draw_labels: bool = _option(Flag(), True, "In an overlay")
    draw_outlines: bool = _option(Flag(), True, "In an overlay: lines around the masks")
    line_width: int | None = _open_option(
        Number(1, 100, whole=True), "by the picture's size", "Pixels: of boxes, outlines and keypoints in an overlay"
    )
    jpeg_quality: int = _option(Number(1, 100, whole=True), 90, "Of a JPEG")


@dataclass(frozen=True)
class Choice:
    """The outcome of content negotiation: a name in the format registry, and the requested options."""

    format: str
    options: Options = field(default_factory=Options)
    appearance: Appearance = field(default_factory=Appearance)


def declared(record: type) -> dict[str, Declared]:
    """Return the declared options of a record, by name."""
    return {f.name: f.metadata["declared"] for f in fields(record)}


def checked(record: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert JSON values of a record's options, by name; ValueError in one line."""
    known = declared(record)
    return {name: known[name].check(name, value) for name, value in values.items()}
