"""Parts of torchvision's detectors that its builders do not take as numbers: anchors, the width of the mask head."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

from torch import nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.mask_rcnn import MaskRCNNPredictor
from torchvision.models.detection.retinanet import RetinaNet
from torchvision.models.detection.rpn import RPNHead

from container.errors import ModelError

MAX_ANCHORS = 64  # at one place; torchvision's detectors have 3 to 15
MAX_WIDTH = 4096


def with_head_parameters(build: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """Return a builder that also takes `anchor_sizes`, `anchor_ratios` and `mask_width`.

    Sizes are pixels of the resized image: a number, or a list of numbers, for each level of the pyramid. Ratios are
    height to width: a list of numbers for all levels, or a list for each. The width is that of the last convolution
    before the mask. ModelError if a network has no such part, or other levels.
    """

    @wraps(build)
    def build_with(
        *, anchor_sizes: Any = None, anchor_ratios: Any = None, mask_width: int | None = None, **parameters: Any
    ) -> nn.Module:
        network = build(**parameters)
        if anchor_sizes is not None or anchor_ratios is not None:
            _set_anchors(network, anchor_sizes, anchor_ratios)
        if mask_width is not None:
            _set_mask_width(network, mask_width)
        return network

    return build_with


def _set_anchors(network: Any, sizes: Any, ratios: Any) -> None:
    owner = network if isinstance(network, RetinaNet) else getattr(network, "rpn", None)
    if owner is None:
        raise ModelError("anchor_sizes and anchor_ratios are for R-CNNs and RetinaNets")
    own, levels = owner.anchor_generator, len(owner.anchor_generator.sizes)
    anchors = AnchorGenerator(
        _per_level("anchor_sizes", own.sizes if sizes is None else sizes, levels),
        _per_level("anchor_ratios", _for_all(own.aspect_ratios if ratios is None else ratios, levels), levels),
    )
    counts = set(anchors.num_anchors_per_location())
    if len(counts) > 1 or max(counts) > MAX_ANCHORS:
        raise ModelError(
            f"anchor_sizes and anchor_ratios make {counts} anchors; levels take the same, up to {MAX_ANCHORS}"
        )
    count = counts.pop()
    owner.anchor_generator = anchors
    if owner is not network:
        owner.head = RPNHead(owner.head.cls_logits.in_channels, count, conv_depth=len(owner.head.conv))
        return
    scores, boxes = network.head.classification_head, network.head.regression_head
    scores.num_anchors = count
    scores.cls_logits = nn.Conv2d(scores.cls_logits.in_channels, count * scores.num_classes, 3, padding=1)
    boxes.bbox_reg = nn.Conv2d(boxes.bbox_reg.in_channels, count * 4, 3, padding=1)


def _for_all(ratios: Any, levels: int) -> Any:
    flat = isinstance(ratios, list | tuple) and not any(isinstance(one, list | tuple) for one in ratios)
    return [ratios] * levels if flat else ratios


def _per_level(name: str, given: Any, levels: int) -> tuple[tuple[float, ...], ...]:
    """Return a tuple of positive numbers for each level."""
    entries = given if isinstance(given, list | tuple) else [()]
    lists = [one if isinstance(one, list | tuple) else [one] for one in entries]
    numbers = [number for one in lists for number in one]
    if not all(isinstance(number, int | float) and 0 < number < math.inf for number in numbers) or not all(lists):
        raise ModelError(f"{name} takes lists of numbers over 0, not {str(given)[:60]}")
    if len(lists) != levels:
        raise ModelError(f"{name} is for {len(lists)} levels, and the network has {levels}")
    return tuple(tuple(float(number) for number in one) for one in lists)


def _set_mask_width(network: Any, width: int) -> None:
    own = getattr(getattr(network, "roi_heads", None), "mask_predictor", None)
    if not isinstance(own, MaskRCNNPredictor):
        raise ModelError("mask_width is for Mask R-CNNs")
    if not isinstance(width, int) or not 1 <= width <= MAX_WIDTH:
        raise ModelError(f"mask_width takes a number from 1 to {MAX_WIDTH}, not {str(width)[:60]}")
    network.roi_heads.mask_predictor = MaskRCNNPredictor(
        own.conv5_mask.in_channels, width, own.mask_fcn_logits.out_channels
    )
