"""Why weights do not fit a network, in the user's words, and what would mend it."""

import re
from collections.abc import Iterable, Mapping

import torch

_ANCHORS = "the file has other anchors: give theirs with the parameters anchor_sizes and anchor_ratios"
_CLASSES = "do the labels name every class, the background included?"

# Tensors by their names, the sides that differ, and what a user would set. Of all tensors that do not fit, the first
# line that one of them belongs to names the cause.
_CAUSES = tuple(
    (re.compile(pattern), sides, words)
    for pattern, sides, words in (
        (r"\brpn\.(?:network\.)?head\.(?:cls_logits|bbox_pred)\.", {0}, _ANCHORS),
        (r"^head\.regression_head\.(?:bbox_reg|module_list)\b", {0}, _ANCHORS),
        (
            r"\bmask_predictor\.(?:conv5_mask|mask_fcn_logits)\.",
            {0, 1},
            "the mask head of the file has another width: give it with the parameter mask_width",
        ),
        (
            r"\bkeypoint_predictor\.",
            {0, 1},
            "the file has another number of keypoints: give it with the parameter num_keypoints",
        ),
        (
            r"\b(?:cls_score|bbox_pred|mask_fcn_logits|cls_logits|classifier|aux_classifier|fc|heads?|classification_head)\b",
            {0},
            _CLASSES,
        ),
    )
)

# Other libraries by a name of theirs, and how their names differ from torchvision's.
_LIBRARIES = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (
            r"^backbone\.bottom_up\.|^proposal_generator\.|^res\d_\d+_branch|^fpn_inner_res",
            "detectron2's: backbone.bottom_up.res2 and proposal_generator, where torchvision has backbone.body.layer1 "
            "and rpn",
        ),
        (
            r"^(?:backbone\..*|neck|rpn_head|roi_head|bbox_head|decode_head)\.(?:lateral_convs|rpn_conv|bbox_head|conv_seg)",
            "OpenMMLab's: neck, rpn_head and roi_head, where torchvision has backbone.fpn, rpn and roi_heads",
        ),
        (
            r"^(?:model\.)?(?:segmentation_head|decoder\.blocks)\.",
            "segmentation_models_pytorch's, whose encoders and decoders torchvision does not have",
        ),
        (r"^(?:model\.){1,2}\d+\.(?:conv|cv\d|m)\.", "those of a YOLO of Ultralytics, which torchvision does not have"),
        (
            r"^(?:model\.)?(?:pixel_level_module|segformer|detr|mask2former|maskformer|oneformer|mobilevit|upernet)\.",
            "those of Hugging Face's transformers, whose networks torchvision does not have",
        ),
        (r"^(?:image_encoder|vision_encoder|sam_mask_decoder|prompt_encoder)\.", "those of Segment Anything"),
        (r"^transformer\.(?:encoder|decoder)\.layers\.", "those of a DETR, which torchvision does not have"),
        (r"^(?:inc|down\d|up\d|outc)\.", "those of a U-Net, which torchvision does not have"),
    )
)


def of_shapes(own: Mapping[str, torch.Tensor], given: Mapping[str, torch.Tensor]) -> str:
    """Return the words for tensors of other sizes than the model's, or "" where all that both have agree."""
    wrong = [name for name in own if name in given and own[name].shape != given[name].shape]
    if not wrong:
        return ""
    for pattern, sides, words in _CAUSES:
        for name in wrong:
            if pattern.search(name) and _other_sides(own[name].shape, given[name].shape) <= sides:
                return f"{_sizes(name, own[name], given[name])}; {words}"
    return f"{_sizes(wrong[0], own[wrong[0]], given[wrong[0]])}; is it this architecture?"


def of_names(names: Iterable[str]) -> str:
    """Return the words for names that a network does not have."""
    for name in names:
        for pattern, words in _LIBRARIES:
            if pattern.search(name):
                return f"the names are {words}"
    return "is it this architecture?"


def _other_sides(own: torch.Size, given: torch.Size) -> set[int]:
    if len(own) != len(given):
        return {-1}
    return {side for side, (one, other) in enumerate(zip(own, given, strict=True)) if one != other}


def _sizes(name: str, own: torch.Tensor, given: torch.Tensor) -> str:
    return f"{name} is {_shape(given)} in the file and {_shape(own)} in the model"


def _shape(tensor: torch.Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a scalar"
