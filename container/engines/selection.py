"""Selection of detections from class scores and box deltas: threshold, NMS, the best N.

The arithmetic is that of `RoIHeads.postprocess_detections` in torchvision.models.detection.roi_heads. But the request's
options apply before NMS and before the mask head, so that nothing is computed in vain.

Heads with a `voting_iou` also vote: each selected box becomes the mean of its class's boxes around it, by score
(Gidaris and Komodakis 2015, arXiv:1505.01749, section 3.3). torchvision's own heads have none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import batched_nms, box_iou, nms
from torchvision.ops import boxes as box_ops

from container.cancellation import checkpoint
from container.structures import Options

FEW = 5000  # boxes that torchvision compares at once: 0.2 s at most
# Boxes from this score on vote. It is no option, so that a box is the same at any confidence.
LEAST_VOTE = 0.05
BLOCK = 500  # boxes compared with as many others at a time: 2 ms, in the processor's cache


@dataclass(frozen=True)
class Selection:
    """The selected boxes of one image, at network size."""

    boxes: Tensor  # N×4 xyxy
    scores: Tensor  # N, best first
    classes: Tensor  # N

    def none(self) -> "Selection":
        """Return the same selection with no boxes."""
        return Selection(self.boxes[:0], self.scores[:0], self.classes[:0])


def select(
    heads: RoIHeads,
    logits: Tensor,
    deltas: Tensor,
    proposals: Sequence[Tensor],
    sizes: Sequence[tuple[int, int]],
    options: Sequence[Options],
    class_ids: Sequence[list[int] | None],
) -> list[Selection]:
    """Select the detections of every image by its own options (with confidence, iou_threshold, max_detections set).

    Args:
        logits: R×C class scores before softmax, for the concatenated proposals of all images; 0 is background.
        deltas: R×4C box regression.
        proposals: the boxes of every image, xyxy at network size.
        sizes: the (height, width) of every image at network size.
        class_ids: the wanted classes of every image, or None for all.
    """
    counts = [len(boxes) for boxes in proposals]
    scores = torch.softmax(logits.float(), -1).split(counts)
    regressions = deltas.float().unflatten(1, (-1, 4)).split(counts)
    return [
        _select_one(heads, *picture)
        for picture in zip(scores, regressions, proposals, sizes, options, class_ids, strict=True)
    ]


def _select_one(
    heads: RoIHeads,
    scores: Tensor,
    regressions: Tensor,
    proposals: Tensor,
    size: tuple[int, int],
    options: Options,
    class_ids: list[int] | None,
) -> Selection:
    assert options.confidence is not None and options.iou_threshold is not None
    wanted = scores >= options.confidence
    wanted[:, 0] = False
    if class_ids is not None:
        unwanted = torch.ones(scores.shape[1], dtype=torch.bool, device=scores.device)
        unwanted[class_ids] = False
        wanted &= ~unwanted
    rows, classes = wanted.nonzero(as_tuple=True)
    chosen = scores[rows, classes]
    if options.max_candidates is not None and len(chosen) > options.max_candidates:
        chosen, best = chosen.topk(options.max_candidates)
        rows, classes = rows[best], classes[best]
    boxes = _decoded(heads, regressions[rows, classes], proposals[rows], size)
    keep = box_ops.remove_small_boxes(boxes, min_size=1e-2)
    boxes, chosen, classes = boxes[keep], chosen[keep], classes[keep]
    keep = apart(boxes, chosen, classes, options)
    boxes, chosen, classes = boxes[keep], chosen[keep], classes[keep]
    voting_iou: float | None = getattr(heads, "voting_iou", None)
    if voting_iou is not None:
        # Only what NMS removes votes: boxes that a high threshold keeps beside each other stay where they are.
        least_iou = max(voting_iou, options.iou_threshold)
        for one in classes.unique().tolist():
            of, voters = classes == one, scores[:, one] >= LEAST_VOTE
            votes = _decoded(heads, regressions[voters, one], proposals[voters], size)
            boxes[of] = voted(boxes[of], votes, scores[voters, one], least_iou)
    return Selection(boxes, chosen, classes)


def _decoded(heads: RoIHeads, regressions: Tensor, proposals: Tensor, size: tuple[int, int]) -> Tensor:
    boxes = heads.box_coder.decode_single(regressions, proposals)
    clipped: Tensor = box_ops.clip_boxes_to_image(boxes, size)
    return clipped


def voted(boxes: Tensor, votes: Tensor, scores: Tensor, least_iou: float) -> Tensor:
    """Return for each of N boxes the mean of those `votes` (M×4) whose IoU with it exceeds `least_iou`, by score (M).

    A box around which there is none stays as it is. All boxes are xyxy; what is not a number does not vote.
    """
    weights = (box_iou(boxes, votes) > least_iou) * scores
    total = weights.sum(1, keepdim=True)
    # A product of matrices would be bfloat16 under autocast, which has steps of 4 pixels above 512.
    sums = (weights[:, :, None] * votes.nan_to_num()).sum(1)
    return torch.where(total > 0, sums / total, boxes)


def apart(boxes: Tensor, scores: Tensor, classes: Tensor, options: Options) -> Tensor:
    """NMS within each class, or over all if `options` say so: the indices of the best `max_detections`, best first.

    Equals torchvision's `batched_nms` or `nms`, whose cost is quadratic: 90,000 boxes, which a confidence of 0 leaves,
    took minutes and could not be cancelled.
    """
    assert options.iou_threshold is not None
    threshold, count = options.iou_threshold, options.max_detections
    if options.class_agnostic_nms:
        return best_apart(boxes, scores, threshold, count)
    if len(boxes) <= FEW:
        few: Tensor = batched_nms(boxes, scores, classes, threshold)
        return few[:count]
    members: list[Tensor] = [(classes == one).nonzero()[:, 0] for one in classes.unique()]
    kept = torch.cat([of[best_apart(boxes[of], scores[of], threshold, count)] for of in members])
    return kept[scores[kept].argsort(descending=True, stable=True)][:count]


def best_apart(boxes: Tensor, scores: Tensor, iou_threshold: float, count: int | None) -> Tensor:
    """Return the indices of the best `count` boxes (N×4 xyxy) with pairwise IoU up to `iou_threshold`, best first.

    Equals `torchvision.ops.nms(…)[:count]`, in blocks of boxes with a checkpoint before each.
    """
    order = scores.argsort(descending=True, stable=True)
    if iou_threshold >= 1:  # no IoU is larger
        return order[:count]
    kept = order[:0]
    for block in order.split(BLOCK):
        for earlier in kept.split(BLOCK):
            checkpoint()
            block = block[~_overlaps(boxes[block], boxes[earlier], iou_threshold)]
        checkpoint()
        block = block[nms(boxes[block], scores[block], iou_threshold)]
        kept = torch.cat([kept, block])[:count]
        if count is not None and len(kept) >= count:
            break
    return kept


def _overlaps(boxes: Tensor, others: Tensor, iou_threshold: float) -> Tensor:
    """Return for each of N boxes whether its IoU with any of M others exceeds the threshold: N bools.

    The arithmetic is that of torchvision's `nms`. `box_iou` takes five times as long, and 150 MB for 2,000 by 2,000.
    """
    left, top, right, bottom = boxes.T.unsqueeze(2)
    other_left, other_top, other_right, other_bottom = others.T.unsqueeze(1)
    width = torch.minimum(right, other_right).sub_(torch.maximum(left, other_left)).clamp_(min=0)
    height = torch.minimum(bottom, other_bottom).sub_(torch.maximum(top, other_top)).clamp_(min=0)
    areas = (right - left) * (bottom - top) + (other_right - other_left) * (other_bottom - other_top)
    shared = width.mul_(height)
    over: Tensor = shared.div_(areas.sub_(shared)) > iou_threshold
    return over.any(1)
