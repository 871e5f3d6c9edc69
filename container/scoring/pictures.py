"""The pictures of a report: precision over recall, and what was taken for what."""

from typing import Any

import numpy as np

from container.evaluation.coco import evaluated, ranked
from container.evaluation.outcomes import NONE, beside_none, confusion
from container.evaluation.sample import Sample
from container.rendering.curves import Curve, precision_recall
from container.rendering.matrix import confusion_matrix

IOU = 0.5
_IOU_50 = 0  # its place among the thresholds


def curves_picture(sample: Sample, title: str, subtitle: str) -> np.ndarray:
    """Return the curves of all labels that have objects at IoU 0.50, the most frequent first: uint8 H×W×3 RGB."""
    figures = evaluated(ranked(sample))
    objects = _objects(sample)
    curves = [
        Curve(label, objects[label], precision)
        for label, precision in zip(figures.labels, figures.precision[_IOU_50].T, strict=True)
    ]
    curves.sort(key=lambda curve: -curve.objects)
    return precision_recall(title, subtitle, curves, "AP50")


def confusions(sample: Sample, confidence: float) -> list[tuple[str, str, int]]:
    """Return (label of the truth, label of the prediction, how often) at IoU 0.50, whatever the labels; "(none)" for
    what has no partner.

    Of predictions, those from this confidence on and those without any.
    """
    sure = ~(sample.found.score < confidence)
    whole = np.ones(len(sample.images), bool), np.ones(len(sample.truth), bool)
    return confusion(sample.kept(*whole, sure), IOU)


def confusion_picture(sample: Sample, rows: list[tuple[str, str, int]], title: str, subtitle: str) -> np.ndarray:
    """Return `confusions` as a matrix, the most frequent labels first: uint8 H×W×3 RGB."""
    objects = {beside_none(label): count for label, count in _objects(sample).items()}
    seen = {label for there, found, _ in rows for label in (there, found)} - {NONE}
    names = [
        *sorted(seen | {label for label, count in objects.items() if count}, key=lambda label: -objects[label]),
        NONE,
    ]
    places = {label: i for i, label in enumerate(names)}
    counts = np.zeros((len(names), len(names)), np.int64)
    for there, found, count in rows:
        counts[places[there], places[found]] += count
    return confusion_matrix(title, subtitle, names, counts)


def _objects(sample: Sample) -> dict[str, Any]:
    counts = np.bincount(sample.truth.label[~sample.truth.crowd], minlength=len(sample.labels))
    return dict(zip(sample.labels, counts.tolist(), strict=True))
