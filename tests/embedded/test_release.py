"""Which classes the embedded model keeps, and that the others leave its network whole."""

import torch

from container.engines.kinds.maskrcnn_mobilenet_v2_fpn import build
from tests.embedded.release import kept_classes, without

LABELS = ("__background__", "person", "boat", "cat", "bear")


def test_classes_that_are_hardly_found_are_left_out() -> None:
    found = {"person": 0.5, "boat": 0.2499, "cat": 0.25, "bear": None}
    report = {"classes": {label: {"mask_ap50": value} for label, value in found.items()}}
    assert kept_classes(LABELS, report) == [0, 1, 3]


def test_the_others_answer_as_before() -> None:
    torch.manual_seed(0)
    whole, part = build(num_classes=5).eval(), build(num_classes=3)
    part.load_state_dict(without(dict(whole.state_dict()), [0, 1, 3]))
    row = torch.rand(4, 384 + 1280)
    before, after = (network.roi_heads.box_predictor(row) for network in (whole, part.eval()))
    for was, now, width in zip(before, after, (1, 4), strict=True):
        torch.testing.assert_close(now, was.view(4, 5, width)[:, [0, 1, 3]].flatten(1))
