"""The compact Mask R-CNN: what each of its heads gets to see."""

import pytest
import torch

from container.engines.kinds import maskrcnn_mobilenet_v2_fpn
from container.engines.mobilenet_v2_fpn import CHANNELS, CONTEXT_CHANNELS, FINE_CHANNELS

CLASSES = 4


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return maskrcnn_mobilenet_v2_fpn.build(CLASSES).eval()


def test_the_backbone_gives_levels_and_two_stages(network: torch.nn.Module) -> None:
    with torch.inference_mode():
        levels = network.backbone(torch.rand(1, 3, 64, 96))
    assert {name: tuple(level.shape[1:]) for name, level in levels.items()} == {
        "0": (CHANNELS, 8, 12),
        "1": (CHANNELS, 4, 6),
        "2": (CHANNELS, 2, 3),
        "pool": (CHANNELS, 1, 2),
        "fine": (FINE_CHANNELS, 16, 24),
        "context": (CONTEXT_CHANNELS, 2, 3),
    }


@pytest.mark.parametrize(("side", "seen"), [(60, {"fine", "0"}), (300, {"0"}), (470, {"1"})])
def test_masks_are_made_of_finer_levels_than_boxes(network: torch.nn.Module, side: int, seen: set[str]) -> None:
    sizes = {"0": 64, "1": 32, "2": 16, "fine": 128}
    levels = {
        name: torch.rand(1, FINE_CHANNELS if name == "fine" else CHANNELS, size, size, requires_grad=True)
        for name, size in sizes.items()
    }
    pooled = network.roi_heads.mask_roi_pool(levels, [torch.tensor([[0.0, 0.0, side, side]])], [(512, 512)])
    assert pooled.shape == (1, CHANNELS, 14, 14)
    pooled.sum().backward()
    assert {name for name, level in levels.items() if level.grad is not None and level.grad.any()} == seen


def test_one_mask_is_answered_for_every_class(network: torch.nn.Module) -> None:
    with torch.inference_mode():
        masks = network.roi_heads.mask_predictor(torch.rand(2, CHANNELS, 14, 14))
    assert masks.shape == (2, CLASSES, 28, 28)
    assert (masks == masks[:, :1]).all()


def test_the_context_reaches_the_classifier_past_the_layers(network: torch.nn.Module) -> None:
    row = torch.rand(1, CHANNELS * 49 + CONTEXT_CHANNELS)
    with torch.inference_mode():
        out = network.roi_heads.box_head(row)
    assert torch.equal(out[:, -CONTEXT_CHANNELS:], row[:, -CONTEXT_CHANNELS:])
