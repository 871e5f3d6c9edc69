"""A compact semantic segmentation model: the levels of a feature pyramid summed at stride 8, one class per pixel.

Based on the semantic branch of Panoptic FPN (Kirillov et al. 2019, arXiv:1901.02446), with the channels that ImageNet's
classifier uses as a further level; 3.5 million parameters. The backbone is that of `maskrcnn_mobilenet_v2_fpn`, whose
weights can initialise it.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

from container.engines.base import architectures
from container.engines.kinds.torchvision_segmentation import SemanticNetwork
from container.engines.mobilenet_v2_fpn import CHANNELS, CONTEXT_CHANNELS, STRIDES, MobileNetV2Pyramid

HEAD_CHANNELS = 128


class SemanticFPN(nn.Module):
    """Maps ImageNet-normalised pixels N×3×H×W to {"out": logits N×classes×H/8×W/8}, as torchvision's models do."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.backbone = MobileNetV2Pyramid()
        self.levels = nn.ModuleDict({name: nn.Conv2d(CHANNELS, HEAD_CHANNELS, 3, padding=1) for name in STRIDES})
        self.levels["context"] = nn.Conv2d(CONTEXT_CHANNELS, HEAD_CHANNELS, 1)
        self.merge = nn.Conv2d(HEAD_CHANNELS, HEAD_CHANNELS, 3, padding=1)
        self.classifier = nn.Conv2d(HEAD_CHANNELS, num_classes, 1)

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        levels = self.backbone(pixels)
        size = levels[next(iter(STRIDES))].shape[-2:]
        merged = torch.zeros((), device=pixels.device)
        for name, convolution in self.levels.items():
            level = F.relu(convolution(levels[name]))
            merged = merged + F.interpolate(level, size, mode="bilinear", align_corners=False)
        return OrderedDict(out=self.classifier(F.relu(self.merge(merged))))


def build(num_classes: int) -> SemanticFPN:
    """Build the network with random weights; `num_classes` includes the background."""
    return SemanticFPN(num_classes)


architectures.add("semantic_fpn_mobilenet_v2", SemanticNetwork(build))
