"""The threshold of the best F1."""

import numpy as np
import pytest

from container.evaluation.average_precision import Matches
from container.evaluation.confidence import BestConfidence, best_confidence


def matches(detections: list[tuple[int, float, bool]], truth: list[int]) -> Matches:
    """Detections as (class, score, hit), objects as classes."""
    none = np.zeros(0)
    return Matches(
        photos=none,
        classes=np.array([c for c, _, _ in detections], int),
        scores=np.array([s for _, s, _ in detections], float),
        hits=np.array([h for _, _, h in detections], bool),
        truth=none,
        truth_photos=none,
        truth_classes=np.array(truth, int),
        found_at=none,
    )


@pytest.mark.parametrize(
    ("detections", "truth", "expected"),
    [
        # Over 0.30 only what is right is left; up to 0.80 all of it: the middle of 0.31 … 0.80.
        ([(0, 0.8, True), (0, 0.3, False)], [0], (0.56, 1, 1)),
        # A miss weighs as a false one: F1 = 2·1 / (1 + 2).
        ([(0, 0.9, True)], [0, 0], (0.48, 2 / 3, 2 / 3)),
        # Classes weigh alike: 0.81 … 0.90 would be better for all objects together, and worse for the second class.
        (
            [(0, 0.9, True), (0, 0.9, True), (0, 0.8, False), (0, 0.8, False), (1, 0.5, True)],
            [0, 0, 1],
            (0.28, (2 / 3 + 1) / 2, 6 / 8),
        ),
        # Detections of what is nowhere in the data do not count.
        ([(0, 0.9, True), (1, 0.9, False)], [0], (0.48, 1, 1)),
        # One false one among a hundred does not decide: 0.05 … 0.90 are as good.
        ([(0, 0.9, True)] * 100 + [(0, 0.3, False)], [0] * 100, (0.48, 1, 1)),
        ([(0, 0.9, False)], [0], None),
        ([], [0], None),
    ],
)
def test_best_confidence(detections: list, truth: list[int], expected: tuple[float, float, float] | None) -> None:
    best = best_confidence(matches(detections, truth), 2, 0.05)
    assert best == (None if expected is None else BestConfidence(*(pytest.approx(v) for v in expected)))


@pytest.mark.parametrize(("lowest", "threshold"), [(0.05, 0.28), (0.3, 0.4), (0.301, 0.41)])
def test_no_threshold_is_below_what_was_asked_for(lowest: float, threshold: float) -> None:
    best = best_confidence(matches([(0, 0.5, True)], [0]), 1, lowest)
    assert best is not None and best.threshold == threshold
