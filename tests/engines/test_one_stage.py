"""Selection in one-stage detectors against torchvision's own postprocessing, on heads' outputs of any values."""

from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st

from container.cancellation import cancelled_by
from container.engines import one_stage, selection
from container.engines.one_stage import select_anchors
from container.errors import DeadlineExceeded
from container.structures import Options
from tests.fakes import EndsAt

CLASSES, LEVELS, SIZE = 4, [48, 12, 3], (80, 120)
NAMES = ["retinanet_resnet50_fpn", "fcos_resnet50_fpn", "ssdlite320_mobilenet_v3_large"]
MODULES = {
    name: torchvision.models.get_model(name, weights=None, weights_backbone=None, num_classes=CLASSES).eval()
    for name in NAMES
}


def heads(seed: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Outputs of a head for the anchors of three levels, and the anchors; values are apart, so that none are equal."""
    chance = torch.Generator().manual_seed(seed)
    count = sum(LEVELS)
    corners = torch.rand(count, 2, generator=chance) * 60
    anchors = torch.cat([corners, corners + 5 + torch.rand(count, 2, generator=chance) * 40], 1)
    logits = torch.randperm(count * CLASSES, generator=chance).reshape(count, CLASSES) / (count * CLASSES) * 8 - 6
    outputs = {
        "cls_logits": logits,
        "bbox_regression": torch.rand(count, 4, generator=chance),
        "bbox_ctrness": torch.randn(count, 1, generator=chance),
    }
    return outputs, anchors


def by_torchvision(
    module: Any, outputs: dict[str, torch.Tensor], anchors: torch.Tensor, options: Options
) -> dict[str, torch.Tensor]:
    module.score_thresh, module.nms_thresh = options.confidence, options.iou_threshold
    module.topk_candidates, module.detections_per_img = options.max_candidates, options.max_detections
    batch = {name: output[None] for name, output in outputs.items()}
    if isinstance(module, torchvision.models.detection.ssd.SSD):
        found = module.postprocess_detections(batch, [anchors], [SIZE])
    else:
        levels = {name: list(output.split(LEVELS, 1)) for name, output in batch.items()}
        found = module.postprocess_detections(levels, [list(anchors.split(LEVELS))], [SIZE])
    return dict(found[0])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    confidence=st.sampled_from([0.0, 0.05, 0.3, 0.999]),
    iou_threshold=st.sampled_from([0.1, 0.5, 1.0]),
    max_candidates=st.sampled_from([1, 7, 100_000]),
    max_detections=st.sampled_from([1, 20, 100_000]),
    scores=st.sampled_from([1, 40, 1 << 20]),
    few=st.sampled_from([1, 5000]),
)
def test_it_equals_torchvisions(name: str, seed: int, scores: int, few: int, **values: Any) -> None:
    module, options = MODULES[name], Options(**values)
    outputs, anchors = heads(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one_stage, "SCORES", scores)
        patch.setattr(selection, "FEW", few)
        patch.setattr(selection, "BLOCK", 7)
        found = select_anchors(module, outputs, anchors, LEVELS, SIZE, options, None)
    expected = by_torchvision(module, outputs, anchors, options)
    np.testing.assert_allclose(found.scores, expected["scores"], atol=1e-6)
    np.testing.assert_allclose(found.boxes, expected["boxes"], atol=1e-4)
    assert found.classes.tolist() == expected["labels"].tolist()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("class_ids", [[], [0], [2], [1, 3]])
def test_other_classes_displace_none(name: str, class_ids: list[int]) -> None:
    outputs, anchors = heads(0)
    options = Options(confidence=0.0, iou_threshold=1.0, max_candidates=5, max_detections=1000)
    found = select_anchors(MODULES[name], outputs, anchors, LEVELS, SIZE, options, class_ids)
    wanted = [one for one in class_ids if one or not name.startswith("ssd")]
    assert sorted(set(found.classes.tolist())) == wanted
    per_group = 5 * len(wanted) if name.startswith("ssd") else (5 + 5 + min(5, 3 * len(wanted))) * bool(wanted)
    assert len(found.scores) == per_group


@pytest.mark.parametrize("name", NAMES)
def test_the_confidence_itself_is_enough(name: str) -> None:
    outputs, anchors = heads(0)
    options = Options(confidence=0.0, iou_threshold=1.0, max_candidates=1000, max_detections=1000)
    scores = select_anchors(MODULES[name], outputs, anchors, LEVELS, SIZE, options, None).scores
    options = Options(confidence=scores[9].item(), iou_threshold=1.0, max_candidates=1000, max_detections=1000)
    assert len(select_anchors(MODULES[name], outputs, anchors, LEVELS, SIZE, options, None).scores) == 10


@pytest.mark.parametrize("name", NAMES)
def test_it_ends_while_scores_or_boxes_are_compared(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_stage, "SCORES", 40)
    monkeypatch.setattr(selection, "FEW", 1)
    monkeypatch.setattr(selection, "BLOCK", 7)
    outputs, anchors = heads(0)
    options = Options(confidence=0.0, iou_threshold=0.99, max_candidates=1000, max_detections=1000)
    for count in (1, 2, 30):
        late = EndsAt(count, DeadlineExceeded("late"))
        with pytest.raises(DeadlineExceeded), cancelled_by(late):
            select_anchors(MODULES[name], outputs, anchors, LEVELS, SIZE, options, None)
        assert late.asked == count
