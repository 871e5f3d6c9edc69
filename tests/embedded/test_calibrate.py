"""One confidence for all classes: where each is right most often."""

import numpy as np
import pytest
import torch

from container.evaluation.average_precision import Matches
from tests.embedded.calibrate import CONFIDENCE, SCORES, best_thresholds, shifted


def matches(*classes: list[tuple[float, bool]], truth: int = 200) -> Matches:
    """Scores and hits of each class, of so many objects each."""
    rows = [(one, *row) for one, found in enumerate(classes) for row in found]
    numbers, scores, hits = (np.array(column) for column in zip(*rows, strict=True))
    of_truth = np.repeat(np.arange(len(classes)), truth)
    none = np.zeros(0, np.int64)
    return Matches(none, numbers, scores, hits, none, none, of_truth, np.zeros(len(of_truth)))


SURE = [(0.92, True)] * 150 + [(0.6, False)] * 150
UNSURE = [(0.4, True)] * 150 + [(0.2, False)] * 150
WRONG = [(0.92, True)] * 20 + [(0.93, False)] * 100


def test_the_threshold_lies_where_a_class_is_right_most_often() -> None:
    sure, unsure = best_thresholds(matches(SURE, UNSURE), 2)
    assert sure is not None and 0.6 < sure <= 0.92
    assert unsure is not None and 0.2 < unsure <= 0.4


def test_a_class_that_is_mostly_wrong_has_none() -> None:
    assert best_thresholds(matches(SURE, WRONG), 2)[1] is None


def test_a_class_of_few_objects_borrows_from_the_others() -> None:
    once = [(0.95, True), (0.5, False)]
    alone, few = best_thresholds(matches(once, truth=1), 1), best_thresholds(matches(UNSURE * 3, once, truth=1), 2)
    assert alone[0] is not None and few[1] is not None and few[1] < alone[0]


@pytest.mark.parametrize("threshold", [0.2, CONFIDENCE, 0.9])
def test_what_had_the_threshold_has_the_one_confidence(threshold: float) -> None:
    logit = float(torch.tensor(threshold).logit())
    state = {SCORES: torch.tensor([0.0, logit, 0.3])}
    shifted(state, [threshold, CONFIDENCE])
    assert state[SCORES][:2].softmax(0)[1].item() == pytest.approx(CONFIDENCE)
    assert state[SCORES][2].item() == pytest.approx(0.3)
