"""Names of keypoints are those that the weights were trained on."""

import torchvision

from container.structures.keypoints import COCO_KEYPOINTS, SKELETON, keypoint_names


def test_cocos_names_are_those_of_torchvisions_weights() -> None:
    weights = torchvision.models.get_model_weights("keypointrcnn_resnet50_fpn").DEFAULT
    assert list(keypoint_names(17)) == weights.meta["keypoint_names"]


def test_other_counts_have_numbers() -> None:
    assert keypoint_names(3) == ("keypoint_1", "keypoint_2", "keypoint_3")
    assert keypoint_names(0) == ()


def test_lines_join_left_to_left_and_right_to_right() -> None:
    for a, b in SKELETON:
        sides = {COCO_KEYPOINTS[i].split("_")[0] for i in (a, b)}
        parts = {COCO_KEYPOINTS[i].split("_")[-1] for i in (a, b)}
        assert sides != {"left", "right"} or len(parts) == 1


def test_the_skeleton_joins_every_keypoint() -> None:
    assert {point for pair in SKELETON for point in pair} == set(range(17))
    assert len({frozenset(pair) for pair in SKELETON}) == 19
