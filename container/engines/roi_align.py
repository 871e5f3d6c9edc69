"""RoIAlign (Mask R-CNN, He et al. 2017, https://arxiv.org/abs/1703.06870) over a feature pyramid, fast on a CPU.

torchvision's CPU kernel works out the bilinear weights again for every channel. Here they are worked out once a sample,
and the samples of one output cell are summed with `embedding_bag`, which runs over channels that lie side by side: for
384 boxes of 7×7 cells and 128 channels 2.4 ms instead of 21 on two cores, and 11 ms instead of 129 for the gradient.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import LevelMapper


class PyramidRoIAlign(MultiScaleRoIAlign):
    """`torchvision.ops.MultiScaleRoIAlign` for levels whose strides are known; the same arithmetic, to rounding.

    The forward pass takes the features by level (N×C×H×W), boxes xyxy in pixels of the network's input, one tensor a
    picture, and the pictures' sizes, and gives boxes×C×output_size×output_size.
    """

    def __init__(
        self, strides: dict[str, int], output_size: int, sampling_ratio: int, canonical_scale: int = 224
    ) -> None:
        """`canonical_scale`: pixels of a square box from which on the level of stride 16 is read."""
        super().__init__(list(strides), output_size, sampling_ratio, canonical_scale=canonical_scale)
        self.strides = strides
        first, last = ((stride.bit_length() - 1) for stride in (min(strides.values()), max(strides.values())))
        self._level_of = LevelMapper(first, last, canonical_scale=canonical_scale, canonical_level=4)

    def forward(
        self, x: dict[str, torch.Tensor], boxes: list[torch.Tensor], image_shapes: list[tuple[int, int]]
    ) -> torch.Tensor:
        levels = [x[name] for name in self.strides]
        if levels[0].device.type != "cpu":
            pooled: torch.Tensor = super().forward(x, boxes, image_shapes)
            return pooled
        rows, weights = self._samples(levels, boxes)
        channels = levels[0].shape[1]
        table = torch.cat([level.permute(0, 2, 3, 1).reshape(-1, channels) for level in levels])
        with torch.autocast("cpu", enabled=False):
            cells = F.embedding_bag(rows, table.float(), mode="sum", per_sample_weights=weights)
        return cells.view(-1, *self.output_size, channels).permute(0, 3, 1, 2)

    def _samples(self, levels: list[torch.Tensor], boxes: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """For each output cell: rows of the table of all levels' pixels, and their weights."""
        level = self._level_of(boxes)
        picture = torch.cat([torch.full((len(one),), i) for i, one in enumerate(boxes)])
        heights, widths = (torch.tensor([one.shape[axis] for one in levels]) for axis in (2, 3))
        starts = torch.tensor([0, *(one.shape[0] * one.shape[2] * one.shape[3] for one in levels)]).cumsum(0)
        height, width = heights[level], widths[level]
        base = starts[level] + picture * height * width
        stride = torch.tensor(list(self.strides.values()))[level]
        x1, y1, x2, y2 = (torch.cat(boxes).float() / stride[:, None]).unbind(1)
        columns, column_weights = self._taps(x1, x2, width)
        rows, row_weights = self._taps(y1, y2, height)
        index = (rows * width[:, None, None])[:, :, None, :, None] + columns[:, None, :, None, :]
        weight = row_weights[:, :, None, :, None] * column_weights[:, None, :, None, :]
        count = (2 * self.sampling_ratio) ** 2
        return (index + base[:, None, None, None, None]).view(-1, count), weight.reshape(-1, count)

    def _taps(self, start: torch.Tensor, end: torch.Tensor, size: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels and weights of linear interpolation along one axis: boxes × cells × (2 · sampling_ratio)."""
        cells, ratio = self.output_size[0], self.sampling_ratio
        position = (torch.arange(cells * ratio) + 0.5) / (cells * ratio)
        at = start[:, None] + position * (end - start).clamp(min=1.0)[:, None]
        inside = (at >= -1) & (at <= size[:, None])
        last = size[:, None] - 1.0
        at = at.clamp(min=0).minimum(last)
        low = at.floor()
        part = at - low
        pixels = torch.stack((low, (low + 1).minimum(last)), -1).long()
        weights = torch.stack((1 - part, part), -1) * inside[..., None] / ratio
        return pixels.view(-1, cells, 2 * ratio), weights.view(-1, cells, 2 * ratio)


def replace_pools(module: nn.Module) -> None:
    """Put a PyramidRoIAlign in the place of each pool of torchvision's that has run, and so knows its strides."""
    for parent in list(module.modules()):
        children: list[tuple[str, Any]] = list(parent.named_children())
        for name, pool in children:
            if type(pool) is MultiScaleRoIAlign and pool.scales:
                # A name more than there are levels is one of torchvision's defaults that the backbone does not give.
                levels = zip(pool.featmap_names, pool.scales, strict=False)
                strides = {level: round(1 / scale) for level, scale in levels}
                faster = PyramidRoIAlign(strides, pool.output_size[0], pool.sampling_ratio, pool.canonical_scale)
                setattr(parent, name, faster)
