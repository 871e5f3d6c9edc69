"""NMS in blocks, over all classes and within each, against torchvision's over everything at once; boxes that vote."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import batched_nms, nms

from container.cancellation import cancelled_by
from container.engines import selection
from container.engines.kinds import maskrcnn_mobilenet_v2_fpn
from container.engines.selection import Selection, apart, best_apart, select, voted
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


@pytest.mark.parametrize(
    ("votes", "scores", "least_iou", "expected"),
    [
        ([[0.0, 0, 10, 10]], [0.9], 0.6, [0.0, 0, 10, 10]),
        ([[0.0, 0, 10, 10], [0, 0, 10, 12]], [0.5, 0.5], 0.6, [0.0, 0, 10, 11]),
        ([[0.0, 0, 10, 10], [0, 0, 10, 12]], [0.9, 0.3], 0.6, [0.0, 0, 10, 10.5]),
        ([[0.0, 0, 10, 10], [0, 0, 10, 20]], [0.9, 0.9], 0.6, [0.0, 0, 10, 10]),  # half of it: another object
        ([[0.0, 0, 10, 10], [0, 0, 10, 12]], [0.5, 0.5], 1.0, [0.0, 0, 10, 10]),
        ([[0.0, 0, 10, 10], [float("nan"), 0, 10, 10]], [0.5, 0.9], 0.6, [0.0, 0, 10, 10]),
        ([], [], 0.6, [0.0, 0, 10, 10]),
    ],
)
def test_a_box_is_the_mean_of_those_around_it(
    votes: list[list[float]], scores: list[float], least_iou: float, expected: list[float]
) -> None:
    given_votes = torch.tensor(votes).reshape(-1, 4)
    found = voted(torch.tensor([[0.0, 0, 10, 10]]), given_votes, torch.tensor(scores), least_iou)
    assert found.tolist() == [pytest.approx(expected)]


def test_boxes_stay_exact_in_half_precision() -> None:
    box = torch.tensor([[601.0, 603.0, 701.0, 703.0]])
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(voted(box, box, torch.tensor([0.5]), 0.6), box)


@settings(max_examples=60, deadline=None)
@given(boxes=st.integers(1, 20), votes=st.integers(0, 20), seed=st.integers(0, 1000))
def test_a_box_lies_within_those_that_vote(boxes: int, votes: int, seed: int) -> None:
    given_boxes, _ = crowd(boxes, seed)
    given_votes, scores = crowd(votes, seed + 1)
    both = torch.cat([given_boxes, given_votes])
    found = voted(given_boxes, both, torch.cat([torch.ones(boxes), scores]), 0.6)
    assert found.isfinite().all()
    assert (found >= both.amin(0) - 1e-4).all() and (found <= both.amax(0) + 1e-4).all()


def selected(options: Options) -> Selection:
    """What heads that vote select of 40 proposals around two places; logits and deltas are the same each time."""
    heads = maskrcnn_mobilenet_v2_fpn.build(3).roi_heads
    chance = torch.Generator().manual_seed(1)
    corners = torch.tensor([[4.0, 4, 30, 34], [30, 20, 60, 60]]).repeat(20, 1)
    proposals = corners + torch.rand(40, 4, generator=chance) * 6
    logits = torch.randn(40, 3, generator=chance) * 2
    deltas = torch.randn(40, 12, generator=chance) / 4
    [one] = select(heads, logits, deltas, [proposals], [(64, 64)], [options], [None])
    return one


def test_a_box_is_the_same_at_any_confidence() -> None:
    low, high = (selected(Options(confidence, 0.4, max_detections=100)) for confidence in (0.01, 0.97))
    assert 0 < len(high.boxes) < len(low.boxes)
    assert torch.equal(high.boxes, low.boxes[: len(high.boxes)])


def test_what_a_high_threshold_keeps_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    options = Options(0.05, 1.0, max_detections=100)
    voting = selected(options)
    monkeypatch.setattr(maskrcnn_mobilenet_v2_fpn._Heads, "voting_iou", None)
    alone = selected(options)
    assert len(alone.boxes) > 20 and torch.equal(voting.boxes, alone.boxes)
