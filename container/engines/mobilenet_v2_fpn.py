"""MobileNetV2 (arXiv:1801.04381) under a feature pyramid (arXiv:1612.03144), made to learn from few photos.

Batch norms are folded into the convolutions, which carry a bias instead, so that batches of a few photos can train it.
It keeps the last convolution before ImageNet's classifier, for heads that tell apart classes with a dozen examples.
"""

from collections import OrderedDict
from typing import Any

import torch
import torchvision
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

CHANNELS = 128
STRIDES = {"0": 8, "1": 16, "2": 32}  # levels of the pyramid; a pooled one of stride 64 is for proposals only
CONTEXT_CHANNELS = 1280
FINE_STRIDE, FINE_CHANNELS = 4, 24
_STAGES = {"6": "0", "13": "1", "17": "2"}  # the last blocks of these strides, and the levels over them
_STAGE_CHANNELS = [32, 96, 320]


class MobileNetV2Pyramid(nn.Module):
    """The pyramid's levels, and two stages as they are: "fine" at stride 4, and "context" at stride 32.

    The context is what ImageNet's classifier reads.
    """

    out_channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        layers = folded(torchvision.models.mobilenet_v2(weights=None).features.eval())
        self.body = IntermediateLayerGetter(layers[:18], {"3": "fine", **_STAGES})
        self.fpn = FeaturePyramidNetwork(_STAGE_CHANNELS, CHANNELS, LastLevelMaxPool())
        self.context = layers[18]

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        stages = self.body(pixels)
        fine = stages.pop("fine")
        levels = OrderedDict(self.fpn(stages), fine=fine)
        levels["context"] = self.context(stages["2"])
        return levels


def folded(network: nn.Module) -> Any:
    """`network` with each convolution and the batch norm after it as one convolution, for batch norms in eval mode."""
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            for i, (first, second) in enumerate(zip(list(module), list(module)[1:], strict=False)):
                if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                    module[i], module[i + 1] = fuse_conv_bn_eval(first, second), nn.Identity()
    return network.requires_grad_(True)  # the new biases would not learn
