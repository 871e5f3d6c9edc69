"""The confidence to serve a detector with: the threshold of the best F1 at IoU 0.50."""

from dataclasses import dataclass

import numpy as np

from container.evaluation.average_precision import Matches

TOLERANCE = 0.02  # of F1


@dataclass(frozen=True)
class BestConfidence:
    """A threshold on scores, and how well it does."""

    threshold: float  # 0–1, in steps of 0.01
    macro_f1: float  # mean of the classes' F1
    micro_f1: float  # F1 of all classes' objects together


def best_confidence(matches: Matches, class_count: int, lowest: float) -> BestConfidence | None:
    """The threshold in the middle of those with the best macro F1; None where no detection meets any object.

    Thresholds within TOLERANCE of the best are as good: where classes have few objects, one detection moves more.

    Args:
        lowest: score that detections were asked for with; no threshold below it is tried.
    """
    thresholds = np.arange(np.ceil(100 * lowest), 100) / 100
    truth = np.bincount(matches.truth_classes, minlength=class_count)[:, None]
    found = _over(thresholds, matches.scores, matches.classes, class_count)
    hits = _over(thresholds, matches.scores[matches.hits], matches.classes[matches.hits], class_count)
    present = truth[:, 0] > 0
    if not hits.any():
        return None
    macro = (2 * hits[present] / (found[present] + truth[present])).mean(0)
    micro = 2 * hits[present].sum(0) / (found[present] + truth[present]).sum(0)
    best = np.flatnonzero(macro >= macro.max() - TOLERANCE)
    middle = best[len(best) // 2]
    return BestConfidence(float(thresholds[middle]), float(macro[middle]), float(micro[middle]))


def _over(thresholds: np.ndarray, scores: np.ndarray, classes: np.ndarray, class_count: int) -> np.ndarray:
    """How many of the scores of each class reach each threshold, class_count × len(thresholds)."""
    reached = np.searchsorted(thresholds, scores, side="right")  # how many of the thresholds
    width = len(thresholds) + 1
    counts = np.bincount(classes * width + reached, minlength=class_count * width).reshape(class_count, width)
    return np.asarray(counts[:, ::-1].cumsum(1)[:, -2::-1])
