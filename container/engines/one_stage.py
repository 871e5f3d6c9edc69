"""Selection of detections from the outputs of a one-stage detector's head, for every anchor: RetinaNet, FCOS and SSD.

The arithmetic is that of their `postprocess_detections` in torchvision. But the request's options apply before NMS, and
there are checkpoints: a confidence of 0 leaves hundreds of thousands of boxes, which took 52 s.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchvision.models.detection.fcos import FCOS
from torchvision.models.detection.ssd import SSD
from torchvision.ops import boxes as box_ops

from container.cancellation import checkpoint
from container.engines.selection import Selection, apart
from container.structures import Options

SCORES = 1 << 20  # compared at a time: 30 MB, instead of 400 for the finest level of a RetinaNet of 91 classes


class Candidates(NamedTuple):
    """Scores from the confidence on, each with the row of its anchor and its class."""

    scores: Tensor
    rows: Tensor
    classes: Tensor

    def at(self, indices: Tensor) -> "Candidates":
        """Return the candidates at `indices`."""
        return Candidates(*(column[indices] for column in self))

    def best(self, count: int) -> "Candidates":
        """Return the best `count` candidates, or all if there are no more."""
        return self if len(self.scores) <= count else self.at(self.scores.topk(count).indices)


def select_anchors(
    module: Any,
    outputs: dict[str, Tensor],
    anchors: Tensor,
    level_sizes: Sequence[int],
    size: tuple[int, int],
    options: Options,
    class_ids: list[int] | None,
) -> Selection:
    """Select the detections of one image by its options (with all set but those of masks).

    Args:
        module: a RetinaNet, FCOS or SSD.
        outputs: of its head for A anchors: `bbox_regression` A×4, `cls_logits` A×C, and of FCOS `bbox_ctrness` A×1.
        anchors: A×4 xyxy at network size.
        level_sizes: the number of anchors on each level of the feature pyramid.
        size: the (height, width) of the image at network size.
        class_ids: the wanted classes, or None for all.
    """
    found = _joined(_candidates(module, outputs, level_sizes, options, class_ids))
    decode = module.box_coder.decode if isinstance(module, FCOS) else module.box_coder.decode_single
    boxes = decode(outputs["bbox_regression"][found.rows].float(), anchors[found.rows])
    boxes = box_ops.clip_boxes_to_image(boxes, size)
    keep = apart(boxes, found.scores, found.classes, options)
    return Selection(boxes[keep], found.scores[keep], found.classes[keep])


def _candidates(
    module: Any, outputs: dict[str, Tensor], level_sizes: Sequence[int], options: Options, class_ids: list[int] | None
) -> list[Candidates]:
    """Return at most `max_candidates` of every level; of an SSD at most so many of every class."""
    limit, confidence = options.max_candidates, options.confidence
    assert limit is not None and confidence is not None
    if isinstance(module, SSD):
        scores = _scores(module, outputs)
        wanted = range(scores.shape[1]) if class_ids is None else class_ids
        each = [[one] for one in wanted if one] or [[]]  # 0 is the background
        return [_above(scores, confidence, one).best(limit) for one in each]
    step = max(1, SCORES // outputs["cls_logits"].shape[1])
    levels, start = [], 0
    for count in level_sizes:
        parts, end = [], start + count
        for first in range(start, end, step):
            rows = slice(first, min(first + step, end))
            scores = _scores(module, {name: output[rows] for name, output in outputs.items()})
            parts.append(_above(scores, confidence, class_ids, first).best(limit))
        levels.append(_joined(parts).best(limit))
        start = end
    return levels


def _scores(module: Any, outputs: dict[str, Tensor]) -> Tensor:
    """Return the A×C scores of A anchors."""
    logits = outputs["cls_logits"].float()
    if isinstance(module, SSD):
        return logits.softmax(-1)
    if isinstance(module, FCOS):
        return (logits.sigmoid() * outputs["bbox_ctrness"].float().sigmoid()).sqrt()
    return logits.sigmoid()


def _above(scores: Tensor, confidence: float, class_ids: list[int] | None, first: int = 0) -> Candidates:
    """Return the candidates among the A×C scores of the anchors from row `first` on."""
    checkpoint()
    if class_ids is not None:
        scores = scores[:, class_ids]
    rows, columns = (scores >= confidence).nonzero(as_tuple=True)
    classes = (
        columns if class_ids is None else torch.tensor(class_ids, dtype=torch.int64, device=scores.device)[columns]
    )
    return Candidates(scores[rows, columns], rows + first, classes)


def _joined(parts: list[Candidates]) -> Candidates:
    return Candidates(*map(torch.cat, zip(*parts, strict=True)))
