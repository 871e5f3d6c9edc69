"""The compact Mask R-CNN: what each of its heads gets to see."""

import pytest
import torch
import torch.nn.functional as F
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import MultiScaleRoIAlign

from container.engines.kinds import maskrcnn_mobilenet_v2_fpn
from container.engines.mobilenet_v2_fpn import CHANNELS, CONTEXT_CHANNELS, FINE_CHANNELS

CLASSES = 4


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return maskrcnn_mobilenet_v2_fpn.build(CLASSES).eval()


def test_the_backbone_gives_the_levels_of_two_sizes(network: torch.nn.Module) -> None:
    with torch.inference_mode():
        levels = network.backbone(torch.rand(1, 3, 128, 192))
    assert {name: tuple(level.shape[1:]) for name, level in levels.items()} == {
        "0": (CHANNELS, 16, 24),
        "1": (CHANNELS, 8, 12),
        "2": (CHANNELS, 4, 6),
        "fine": (FINE_CHANNELS, 32, 48),
        "context": (CONTEXT_CHANNELS, 4, 6),
        "half_0": (CHANNELS, 8, 12),
        "half_1": (CHANNELS, 4, 6),
        "half_2": (CHANNELS, 2, 3),
        "half_pool": (CHANNELS, 1, 2),
        "half_context": (CONTEXT_CHANNELS, 2, 3),
    }


def test_half_a_size_is_seen_as_a_picture_of_that_size(network: torch.nn.Module) -> None:
    small = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        large = network.backbone(small.repeat_interleave(2, 2).repeat_interleave(2, 3))
        assert torch.allclose(large["half_1"], network.backbone(small)["1"], atol=1e-5)


def test_anchors_lie_on_the_strides_of_their_levels(network: torch.nn.Module) -> None:
    picture = torch.zeros(1, 3, 736, 544)  # 12 rows of stride 64, where torchvision divides 736 by 12
    images = ImageList(picture, [(736, 544)])
    rows = {"0": 92, "1": 46, "2": 23, "half_2": 12, "half_pool": 6}
    levels = [torch.zeros(1, CHANNELS, count, 1) for count in rows.values()]
    [anchors] = network.rpn.network.anchor_generator(images, levels)
    middles = [boxes[::6].unflatten(1, (2, 2)).mean(1)[:, 1] for boxes in anchors.split([6 * n for n in rows.values()])]
    assert {name: middle.diff().unique().tolist() for name, middle in zip(rows, middles, strict=True)} == {
        name: [stride] for name, stride in maskrcnn_mobilenet_v2_fpn.PROPOSALS.items()
    }


@pytest.mark.parametrize(
    ("side", "box", "mask"),
    [
        (60, {"0", "context"}, {"fine", "0"}),
        (300, {"1", "context"}, {"0"}),
        (440, {"1", "context"}, {"0"}),
        (470, {"half_1", "half_context"}, {"half_0"}),
        (900, {"half_1", "half_context"}, {"half_1"}),
    ],
)
def test_heads_read_large_boxes_at_half_the_size(
    network: torch.nn.Module, side: int, box: set[str], mask: set[str]
) -> None:
    with torch.inference_mode():
        shapes = {name: level.shape for name, level in network.backbone(torch.zeros(1, 3, 960, 960)).items()}
    boxes, sizes = [torch.tensor([[0.0, 0.0, side, side]])], [(960, 960)]
    for pool, seen in ((network.roi_heads.box_roi_pool, box), (network.roi_heads.mask_roi_pool, mask)):
        levels = {name: torch.rand(shape, requires_grad=True) for name, shape in shapes.items()}
        pooled = pool(levels, boxes, sizes)
        (pooled if pool is network.roi_heads.mask_roi_pool else torch.cat(pooled, 1)).sum().backward()
        assert {name for name, level in levels.items() if level.grad is not None and level.grad.any()} == seen


def test_one_mask_is_answered_for_every_class(network: torch.nn.Module) -> None:
    with torch.inference_mode():
        masks = network.roi_heads.mask_predictor(torch.rand(2, CHANNELS, 14, 14))
    assert masks.shape == (2, CLASSES, 28, 28)
    assert (masks == masks[:, :1]).all()


def test_the_context_reaches_the_classifier_past_the_layers(network: torch.nn.Module) -> None:
    cells, context = torch.rand(1, CHANNELS * 49), torch.rand(1, CONTEXT_CHANNELS)
    with torch.inference_mode():
        out = network.roi_heads.box_head([cells, context])
    assert torch.equal(out[:, -CONTEXT_CHANNELS:], context)


@pytest.mark.parametrize("counts", [(5,), (0,), (2, 3), (0, 1)])
def test_masks_read_the_finest_level_as_if_it_were_whole(network: torch.nn.Module, counts: tuple[int, ...]) -> None:
    pool, random = network.roi_heads.mask_roi_pool, torch.Generator().manual_seed(0)
    sides = {"fine": 240, "0": 120, "half_0": 60, "half_1": 30}
    levels = {
        name: torch.rand(len(counts), FINE_CHANNELS if name == "fine" else CHANNELS, side, side, generator=random)
        for name, side in sides.items()
    }
    corners = torch.tensor(
        [[20.0, 30, 90, 200], [0, 0, 960, 960], [10, 10, 310, 310], [900, 900, 960, 960], [5, 5, 6, 6]]
    )
    boxes = list(corners.split([*counts, len(corners) - sum(counts)]))[:-1]
    whole = MultiScaleRoIAlign(list(sides), 14, 2, canonical_scale=448)
    with torch.inference_mode():
        above = F.interpolate(levels["0"], levels["fine"].shape[-2:], mode="bilinear", align_corners=False)
        expected = whole(levels | {"fine": pool.lateral(levels["fine"]) + above}, boxes, [(960, 960)] * len(counts))
        torch.testing.assert_close(pool(levels, boxes, [(960, 960)] * len(counts)), expected, rtol=1e-4, atol=1e-4)


def test_boxes_vote_in_torchvisions_forward(network: torch.nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = [torch.rand(3, 128, 192, generator=torch.Generator().manual_seed(0))]
    with torch.inference_mode():
        [voted] = network(picture)
        monkeypatch.setattr(type(network.roi_heads), "voting_iou", None)
        [alone] = network(picture)
        monkeypatch.setattr(network.roi_heads, "__class__", RoIHeads)
        [torchvisions] = network(picture)
    assert torch.equal(voted["scores"], alone["scores"]) and not torch.equal(voted["boxes"], alone["boxes"])
    assert all(torch.equal(alone[name], torchvisions[name]) for name in torchvisions)
