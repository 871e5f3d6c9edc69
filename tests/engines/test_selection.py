"""NMS in blocks, over all classes and within each, against torchvision's over everything at once."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import batched_nms, nms

from container.cancellation import cancelled_by
from container.engines import selection
from container.engines.selection import apart, best_apart
from container.errors import DeadlineExceeded
from container.structures import Options
from tests.fakes import EndsAt


def crowd(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes that overlap much, and scores of which some are equal."""
    chance = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, generator=chance) * 60
    sides = (torch.rand(count, 2, generator=chance) * 50 - 5).clamp(min=0)  # some have no area
    scores = (torch.rand(count, generator=chance) * 20).round() / 20
    return torch.cat([corners, corners + sides], 1), scores


@settings(max_examples=60, deadline=None)
@given(
    boxes=st.integers(0, 60),
    seed=st.integers(0, 1000),
    iou_threshold=st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]),
    count=st.sampled_from([None, 1, 5, 100]),
    block=st.sampled_from([1, 7, 60]),
)
def test_blocks_keep_what_torchvision_keeps(
    boxes: int, seed: int, iou_threshold: float, count: int | None, block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "BLOCK", block)
        given_boxes, scores = crowd(boxes, seed)
        found = best_apart(given_boxes, scores, iou_threshold, count)
    assert found.tolist() == nms(given_boxes, scores, iou_threshold)[:count].tolist()


@settings(max_examples=60, deadline=None)
@given(
    boxes=st.integers(0, 60),
    classes=st.integers(1, 5),
    seed=st.integers(0, 1000),
    iou_threshold=st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]),
    count=st.sampled_from([1, 5, 100]),
    few=st.sampled_from([0, 60]),
)
def test_each_class_by_itself_keeps_what_torchvision_keeps(
    boxes: int, classes: int, seed: int, iou_threshold: float, count: int, few: int
) -> None:
    given_boxes, scores = crowd(boxes, seed)
    scores += torch.arange(boxes) * 1e-6  # torchvision returns equal scores in any order
    of = torch.arange(boxes) % classes
    options = Options(iou_threshold=iou_threshold, max_detections=count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "FEW", few if boxes else 0)
        patch.setattr(selection, "BLOCK", 7)
        found = apart(given_boxes, scores, of, options)
    assert found.tolist() == batched_nms(given_boxes, scores, of, iou_threshold)[:count].tolist()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("iou_threshold", [0.05, 0.5, 1.0])
def test_tens_of_thousands_take_seconds(iou_threshold: float) -> None:
    boxes, scores = crowd(90_000, 0)
    found = best_apart(boxes, scores, iou_threshold, 1000)
    assert 0 < len(found) <= 1000 and (scores[found].diff() <= 0).all()


def test_it_ends_between_two_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "BLOCK", 10)
    boxes, scores = crowd(60, 0)
    late = EndsAt(3, DeadlineExceeded("late"))
    with pytest.raises(DeadlineExceeded), cancelled_by(late):
        best_apart(boxes, scores, 0.99, None)
    assert late.asked == 3


def test_a_threshold_of_one_compares_nothing() -> None:
    boxes, scores = crowd(90_000, 0)
    asked = EndsAt(1, AssertionError("boxes were compared"))
    with cancelled_by(asked):
        found = best_apart(boxes, scores, 1.0, None)
    assert len(found) == 90_000 and asked.asked == 0
