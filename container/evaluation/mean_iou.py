"""Intersection over union of classes of pixels, out of a confusion matrix. Knows not where truth comes from."""

from dataclasses import dataclass

import numpy as np

from container.datasets.label_maps import IGNORED


@dataclass(frozen=True)
class MeanIou:
    """How well pixels were told apart, 0–1; None where there is no truth."""

    classes: tuple[float | None, ...]  # IoU of each class, the background first
    mean: float | None  # over the classes in the truth
    mean_without_background: float | None
    pixel_accuracy: float | None  # share of the pixels that got their own class


def confusion(truth: np.ndarray, found: np.ndarray, class_count: int) -> np.ndarray:
    """Pixels by class, int64 class_count × class_count: row = class of `truth`, column = class of `found`.

    Args:
        truth: integers H×W under class_count, or IGNORED.
        found: integers H×W under class_count.
    """
    counted = truth != IGNORED
    pairs = truth[counted].astype(np.int64) * class_count + found[counted]
    return np.bincount(pairs, minlength=class_count**2).reshape(class_count, class_count)


def mean_iou(confusion: np.ndarray) -> MeanIou:
    """The figures of a confusion matrix, whose first class is the background."""
    right, truth, found = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    present = truth > 0
    iou = right / np.maximum(truth + found - right, 1)
    return MeanIou(
        classes=tuple(float(value) if there else None for value, there in zip(iou, present, strict=True)),
        mean=_mean(iou[present]),
        mean_without_background=_mean(iou[1:][present[1:]]),
        pixel_accuracy=float(right.sum() / truth.sum()) if present.any() else None,
    )


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if values.size else None
