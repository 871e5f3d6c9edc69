"""The options of a request, with the same names in every protocol."""

from dataclasses import dataclass, field
from typing import Literal

MaskDecodeMode = Literal["accurate", "tradeoff", "fast"]
MaskEncoding = Literal["none", "rle", "polygon"]
Render = Literal["overlay", "mask", "cutout"]


@dataclass(frozen=True)
class Options:
    """Prediction options; None means the default of the model."""

    confidence: float | None = None  # 0–1: lower scores are dropped
    iou_threshold: float | None = None  # 0–1: of two boxes that overlap more, NMS keeps the one with the better score
    class_filter: tuple[str, ...] | None = None  # label names: others are dropped
    class_agnostic_nms: bool | None = None  # NMS across classes
    max_detections: int | None = None  # the best N are kept
    max_candidates: int | None = None  # the best N boxes enter NMS
    mask_decode_mode: MaskDecodeMode | None = None  # quality of upsampling masks to image size
    tradeoff_factor: float | None = None  # 0 (as "fast") to 1 (as "accurate"), for "tradeoff"
    skip_masks: bool | None = None  # masks are not needed; set by formats, not by clients


@dataclass(frozen=True)
class Appearance:
    """Presentation options of a response: mask encoding in JSON, and rendering of images."""

    masks: MaskEncoding = "none"
    render: Render = "overlay"
    opacity: float = 0.5  # of the masks, 0–1
    draw_boxes: bool = True
    draw_labels: bool = True
    jpeg_quality: int = 90  # 1–100


@dataclass(frozen=True)
class Choice:
    """The outcome of content negotiation: a name in the format registry, and the requested options."""

    format: str
    options: Options = field(default_factory=Options)
    appearance: Appearance = field(default_factory=Appearance)
