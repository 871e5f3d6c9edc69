"""A compact Mask R-CNN: MobileNetV2 features, a feature pyramid of 128 channels, light box and mask heads.

5.7 million parameters at 91 classes, against 44 million of maskrcnn_resnet50_fpn, at a shorter side of 320 pixels:
about a tenth of a second a photo on two CPU cores. The embedded default model is of this architecture.
"""

import torchvision
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import MultiScaleRoIAlign

from container.engines._base import Architecture, architectures

CHANNELS = 128
LEVELS = ["0", "1", "2"]  # strides 8, 16, 32; a pooled level of stride 64 is for proposals only
ANCHOR_SIZES = ((20, 32), (48, 72), (104, 152), (216, 312))  # pixels, two for each level
ANCHOR_RATIOS = (0.5, 1.0, 2.0)


def build(num_classes: int, min_size: int = 320, max_size: int = 512, box_units: int = 384) -> MaskRCNN:
    """The network with random weights.

    Args:
        num_classes: the background included.
        min_size: pixels that the shorter side of a picture is brought to.
        max_size: pixels that the longer side may not pass.
        box_units: units in each of the two layers of the box head.
    """
    features = torchvision.models.mobilenet_v2(weights=None).features[:18]
    # Blocks 6, 13 and 17 are the last of their stride.
    backbone = BackboneWithFPN(features, {"6": "0", "13": "1", "17": "2"}, [32, 96, 320], CHANNELS)
    return MaskRCNN(
        backbone,
        min_size=min_size,
        max_size=max_size,
        rpn_anchor_generator=AnchorGenerator(ANCHOR_SIZES, (ANCHOR_RATIOS,) * len(ANCHOR_SIZES)),
        rpn_head=RPNHead(CHANNELS, len(ANCHOR_SIZES[0]) * len(ANCHOR_RATIOS)),
        rpn_pre_nms_top_n_test=300,
        rpn_post_nms_top_n_test=150,
        box_roi_pool=MultiScaleRoIAlign(LEVELS, output_size=7, sampling_ratio=2),
        box_head=TwoMLPHead(CHANNELS * 7 * 7, box_units),
        box_predictor=FastRCNNPredictor(box_units, num_classes),
        box_detections_per_img=50,
        mask_roi_pool=MultiScaleRoIAlign(LEVELS, output_size=14, sampling_ratio=2),
        mask_head=MaskRCNNHeads(CHANNELS, (CHANNELS,) * 3, dilation=1),
        mask_predictor=MaskRCNNPredictor(CHANNELS, CHANNELS, num_classes),
    )


architectures.add("maskrcnn_mobilenet_v2_fpn", Architecture("detection", build))
