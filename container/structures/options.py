"""What a caller may ask for: one vocabulary for every protocol."""

from dataclasses import dataclass, field
from typing import Literal

MaskDecodeMode = Literal["accurate", "tradeoff", "fast"]
MaskEncoding = Literal["none", "rle", "polygon"]
Render = Literal["overlay", "mask", "cutout"]


@dataclass(frozen=True)
class Options:
    """What the model is asked for; None leaves the choice to the model."""

    confidence: float | None = None  # 0–1: lower scores are left out
    iou_threshold: float | None = None  # 0–1: of two boxes that overlap more, NMS keeps the better
    class_filter: tuple[str, ...] | None = None  # label names: others are left out
    class_agnostic_nms: bool | None = None  # NMS across classes
    max_detections: int | None = None  # the best N are kept
    max_candidates: int | None = None  # the best N boxes enter NMS
    mask_decode_mode: MaskDecodeMode | None = None  # how finely masks are drawn up to the size of the picture
    tradeoff_factor: float | None = None  # 0 (as "fast") to 1 (as "accurate"), for "tradeoff"
    skip_masks: bool | None = None  # masks will not be looked at; set by formats, not by callers


@dataclass(frozen=True)
class Appearance:
    """How an answer looks: mask encoding in JSON, and the drawing of pictures."""

    masks: MaskEncoding = "none"
    render: Render = "overlay"
    opacity: float = 0.5  # of the masks, 0–1
    draw_boxes: bool = True
    draw_labels: bool = True
    jpeg_quality: int = 90  # 1–100


@dataclass(frozen=True)
class Choice:
    """The outcome of negotiation: a name in the registry of formats, and what was asked for."""

    format: str
    options: Options = field(default_factory=Options)
    appearance: Appearance = field(default_factory=Appearance)
