"""RoIAlign over a pyramid against torchvision's own: the same values and the same gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import MultiScaleRoIAlign

from container.engines.roi_align import PyramidRoIAlign, replace_pools

SIZE = (96, 128)  # of the network's input
STRIDES = {"0": 8, "1": 16, "2": 32}
CHANNELS = 3

Boxes = list[list[tuple[float, float, float, float]]]

# Width and height first: some boxes have neither, and some are several times the picture. Corners lie where the levels
# end as well, since that is where samples begin to count for nothing.
CORNERS = st.one_of(st.floats(-60, 180, width=32), st.sampled_from([-8.0, -4.0, 0.0, 96.0, 104.0, 128.0, 136.0]))
SIDES = st.one_of(st.floats(0, 400, width=32), st.sampled_from([0.0, 1.0, 112.0, 224.0, 448.0]))
BOX = st.tuples(CORNERS, CORNERS, SIDES, SIDES).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
PICTURES = st.lists(st.lists(BOX, max_size=4), min_size=1, max_size=3)


def levels(pictures: int, strides: dict[str, int] = STRIDES, channels_last: bool = False) -> dict[str, torch.Tensor]:
    """Features of every level, and one that is not pooled from."""
    drawn = torch.Generator().manual_seed(pictures)
    kept = torch.channels_last if channels_last else torch.contiguous_format
    features = {
        name: torch.randn(pictures, CHANNELS, SIZE[0] // stride, SIZE[1] // stride, generator=drawn)
        for name, stride in {**strides, "pool": 64}.items()
    }
    return {name: level.to(memory_format=kept).requires_grad_() for name, level in features.items()}


def compare(
    boxes: Boxes,
    cells: int,
    ratio: int,
    strides: dict[str, int] = STRIDES,
    channels_last: bool = False,
    canonical_scale: int = 224,
) -> torch.Tensor:
    """What is pooled, after values and gradients were found to be those of torchvision."""
    rows = [torch.tensor(one, dtype=torch.float32).reshape(-1, 4) for one in boxes]
    pooled, gradients = [], []
    for pool in (
        PyramidRoIAlign(strides, cells, ratio, canonical_scale),
        MultiScaleRoIAlign(list(strides), cells, ratio, canonical_scale=canonical_scale),
    ):
        features = levels(len(boxes), strides, channels_last)
        found = pool(features, rows, [SIZE] * len(boxes))
        weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(3))
        (found * weights).sum().backward()
        pooled.append(found)
        gradients.append([features[name].grad for name in strides])
        assert features["pool"].grad is None
    assert pooled[0].shape == (sum(map(len, boxes)), CHANNELS, cells, cells)
    torch.testing.assert_close(pooled[0], pooled[1], rtol=1e-4, atol=2e-4)
    for own, expected in zip(*gradients, strict=True):
        expected = torch.zeros_like(own) if expected is None else expected
        torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-3)
    return pooled[0].detach()


@settings(deadline=None, max_examples=60)
@given(PICTURES, st.sampled_from([(7, 2), (14, 2), (1, 4), (2, 1)]))
def test_it_equals_torchvision(boxes: Boxes, grid: tuple[int, int]) -> None:
    compare(boxes, *grid)


@settings(deadline=None, max_examples=60)
@given(PICTURES)
def test_one_level_equals_torchvision(boxes: Boxes) -> None:
    compare(boxes, 1, 4, {"context": 32})


@settings(deadline=None, max_examples=30)
@given(PICTURES, st.sampled_from([112, 448]))
def test_another_canonical_scale_equals_torchvision(boxes: Boxes, canonical_scale: int) -> None:
    compare(boxes, 2, 2, {"fine": 4, **STRIDES}, canonical_scale=canonical_scale)


@pytest.mark.parametrize(
    "boxes",
    [
        [[(10, 10, 50, 60)], []],
        [[], [(10, 10, 50, 60)]],
        [[(0, 0, 128, 96)]],
        [[(-40, -30, 20, 30)], [(100, 70, 200, 150)]],  # partly outside
        [[(300, 300, 340, 340), (-99, -99, -50, -50)]],  # outside
        [[(5, 5, 5, 5), (5, 5, 5.5, 40)]],  # thinner than a pixel
        [[(0, 0, 30, 30), (-60, -60, 180, 180), (-200, -200, 300, 300)]],  # one of each level
    ],
)
def test_it_equals_torchvision_where_boxes_are_odd(boxes: Boxes) -> None:
    compare(boxes, 7, 2)
    compare(boxes, 7, 2, channels_last=True)


@pytest.mark.parametrize(("canonical_scale", "strides"), [(224, [4, 8, 16, 32]), (448, [4, 4, 8, 16])])
def test_boxes_of_each_size_come_from_another_level(canonical_scale: int, strides: list[int]) -> None:
    pyramid = {"fine": 4, **STRIDES}
    features = {name: torch.full((1, 1, 512 // s, 512 // s), float(s)) for name, s in pyramid.items()}
    boxes = [torch.tensor([[0.0, 0, 60, 60], [0, 0, 223, 223], [0, 0, 225, 225], [0, 0, 500, 405]])]
    pooled = PyramidRoIAlign(pyramid, 1, 2, canonical_scale)(features, boxes, [(512, 512)])
    assert pooled.flatten().tolist() == strides


@pytest.mark.parametrize("pictures", [1, 2])
def test_no_boxes_are_no_cells(pictures: int) -> None:
    assert compare([[]] * pictures, 7, 2).shape == (0, CHANNELS, 7, 7)


def test_what_lies_outside_counts_for_nothing() -> None:
    assert compare([[(300, 300, 340, 340)]], 7, 2).abs().max() == 0


def test_under_autocast_cells_are_summed_in_float32() -> None:
    features = {name: level.detach().bfloat16() for name, level in levels(1).items()}
    boxes = [torch.tensor([[10.0, 10, 90, 70]])]
    with torch.autocast("cpu", torch.bfloat16):
        found = PyramidRoIAlign(STRIDES, 7, 2)(features, boxes, [SIZE])
    full = {name: level.float() for name, level in features.items()}
    expected = MultiScaleRoIAlign(list(STRIDES), 7, 2)(full, boxes, [SIZE])
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


class Heads(torch.nn.Module):
    """Two pools, of which one has run."""

    def __init__(self) -> None:
        super().__init__()
        self.used = MultiScaleRoIAlign(list(STRIDES), 7, 2)
        self.unused = MultiScaleRoIAlign(list(STRIDES), 7, 2)


def test_pools_that_have_run_are_replaced() -> None:
    module = torch.nn.Sequential(Heads())
    features, boxes = levels(1), [torch.tensor([[10.0, 10, 90, 70], [0, 0, 128, 96]])]
    expected = module[0].used(features, boxes, [SIZE])
    replace_pools(module)
    assert type(module[0].used) is PyramidRoIAlign and module[0].used.strides == STRIDES
    assert type(module[0].unused) is MultiScaleRoIAlign
    torch.testing.assert_close(module[0].used(features, boxes, [SIZE]), expected, rtol=1e-4, atol=2e-4)
