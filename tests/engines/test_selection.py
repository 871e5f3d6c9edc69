"""NMS over all classes in blocks, against torchvision's over everything at once."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import nms

from container.cancellation import cancelled_by
from container.engines import selection
from container.engines.selection import best_apart
from container.errors import DeadlineExceeded
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
        best_apart(boxes, scores, 1.0, None)
    assert late.asked == 3
