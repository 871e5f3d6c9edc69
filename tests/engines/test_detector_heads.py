"""Anchors and mask heads that are not torchvision's own: what parameters build, and what is said without them."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.mask_rcnn import MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead

from container.engines import building
from container.engines.base import architectures
from container.errors import ModelError
from container.structures import ModelSpec

MASK, BOX, RETINA = "maskrcnn_resnet50_fpn", "fasterrcnn_mobilenet_v3_large_320_fpn", "retinanet_resnet50_fpn"
SEVEN = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)


def torchvisions(name: str, **parts: Any) -> nn.Module:
    torch.manual_seed(0)
    return torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=2, **parts)


def anchors(sizes: tuple[tuple[int, ...], ...], ratios: tuple[float, ...]) -> AnchorGenerator:
    return AnchorGenerator(sizes, (ratios,) * len(sizes))


def with_narrow_mask_head() -> nn.Module:
    module = torchvisions(MASK)
    module.roi_heads.mask_predictor = MaskRCNNPredictor(256, 128, 2)
    return module


def with_anchors(sizes: tuple[tuple[int, ...], ...]) -> nn.Module:
    """A network whose builder takes no anchors."""
    module = torchvisions(BOX)
    module.rpn.anchor_generator = anchors(sizes, (0.5, 1.0, 2.0))
    module.rpn.head = RPNHead(256, module.rpn.anchor_generator.num_anchors_per_location()[0])
    return module


FIVE = ((16,), (32,), (64,), (128,), (256,))
CASES: dict[str, tuple[str, Any, dict[str, Any], str]] = {
    "anchors of seven shapes": (
        MASK,
        lambda: torchvisions(MASK, rpn_anchor_generator=anchors(FIVE, SEVEN)),
        {"anchor_sizes": [16, 32, 64, 128, 256], "anchor_ratios": list(SEVEN)},
        "rpn.head.cls_logits.weight is 7×256×1×1 in the file and 3×256×1×1 in the model; .*anchor_sizes",
    ),
    "anchors of two sizes": (
        BOX,
        lambda: with_anchors(((32, 64), (128, 256), (384, 512))),
        {"anchor_sizes": [[32, 64], [128, 256], [384, 512]]},
        "rpn.head.cls_logits.weight is 6×.* in the file and 15×.* in the model; .*anchor_sizes and anchor_ratios",
    ),
    "anchors of a RetinaNet": (
        RETINA,
        lambda: torchvisions(RETINA, anchor_generator=anchors(FIVE, SEVEN)),
        {"anchor_sizes": [[16], [32], [64], [128], [256]], "anchor_ratios": [list(SEVEN)] * 5},
        "head.regression_head.bbox_reg.weight is 28×.* in the file and 36×.* in the model; .*anchor_sizes",
    ),
    "a mask head of 128": (
        MASK,
        with_narrow_mask_head,
        {"mask_width": 128},
        "mask_predictor.conv5_mask.weight is 256×128×2×2 in the file and 256×256×2×2 in the model; .*mask_width",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("name", "make", "parameters", "reason"), CASES.values(), ids=CASES)
def test_parameters_mend_what_the_error_names(
    name: str, make: Any, parameters: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    module = make().eval()
    torch.save(module.state_dict(), tmp_path / "w.pth")
    labels = ("cat",) if name != RETINA else ("cat", "dog")
    with pytest.raises(ModelError, match=reason):
        building.build(ModelSpec("m", name, tmp_path / "w.pth", labels))
    own = building.build(ModelSpec("m", name, tmp_path / "w.pth", labels, parameters)).module
    images = [torch.rand(3, 96, 128, generator=torch.Generator().manual_seed(1))]
    with torch.inference_mode():
        (found,), (golden,) = own(images), module(images)
    assert found.keys() == golden.keys() and all(torch.equal(found[key], golden[key]) for key in golden)


@pytest.mark.parametrize(
    ("name", "parameters", "reason"),
    [
        (MASK, {"anchor_sizes": [16, 32]}, "anchor_sizes is for 2 levels, and the network has 5"),
        (MASK, {"anchor_sizes": 16}, "anchor_sizes takes lists of numbers over 0, not 16"),
        (MASK, {"anchor_sizes": ["a", 1, 2, 3, 4]}, "anchor_sizes takes lists of numbers over 0"),
        (MASK, {"anchor_ratios": [0, 1]}, "anchor_ratios takes lists of numbers over 0"),
        (MASK, {"anchor_ratios": [[], [1], [1], [1], [1]]}, "anchor_ratios takes lists of numbers over 0"),
        (MASK, {"anchor_sizes": [[1, 2], 1, 2, 3, 4]}, "the same"),
        (MASK, {"anchor_ratios": [1 + i / 100 for i in range(65)]}, "up to 64"),
        (MASK, {"mask_width": 0}, "mask_width takes a number from 1 to 4096, not 0"),
        (BOX, {"mask_width": 128}, "mask_width is for Mask R-CNNs"),
        ("ssdlite320_mobilenet_v3_large", {"anchor_sizes": [1]}, "are for R-CNNs and RetinaNets"),
        ("fcos_resnet50_fpn", {"anchor_ratios": [1]}, "are for R-CNNs and RetinaNets"),
    ],
)
def test_what_a_network_has_not_is_said(name: str, parameters: dict[str, Any], reason: str) -> None:
    with torch.device("meta"), pytest.raises(ModelError, match=reason):
        architectures[name].build(num_classes=2, **parameters)
