"""Semantic models: photo by photo which pixels got which class, then the report."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from container.datasets.base import Photo
from container.datasets.label_maps import label_map
from container.evaluation.faults import Faults
from container.evaluation.mean_iou import MeanIou, confusion, mean_iou
from container.evaluation.report import Report, Subject
from container.structures import SemanticMap

BACKGROUND = "__background__"


@dataclass(frozen=True)
class SemanticReport(Report):
    """How well pixels are told apart."""

    iou: MeanIou  # its classes: the background, then the labels

    def figures(self) -> dict[str, float | None]:
        return {
            "mean_iou": self.iou.mean,
            "mean_iou_without_background": self.iou.mean_without_background,
            "background_iou": self.iou.classes[0],
            "pixel_accuracy": self.iou.pixel_accuracy,
        }

    def columns(self) -> dict[str, Sequence[float | None]]:
        return {"iou": self.iou.classes[1:]}


class SemanticTally:
    """Takes photos one by one and keeps no pixel of them."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._names = (BACKGROUND, *subject.labels)
        self._confusion = np.zeros((len(self._names),) * 2, np.int64)
        self._faults: list[Faults] = []

    def add(self, photo: Photo, prediction: SemanticMap) -> None:
        """One photo and the map of it; ValueError for a mask in the data that is none."""
        number = {label: i for i, label in enumerate(self._names)}
        table = np.array([number.get(label, 0) for label in prediction.labels])
        table[0] = 0
        one = confusion(label_map(photo, self._names), table[prediction.class_ids], len(self._names))
        self._confusion += one
        wrong = 1 - (mean_iou(one).pixel_accuracy or 0.0) if one.any() else 0.0
        self._faults.append(Faults(wrong, f"{wrong:.0%} of the pixels wrong", np.zeros((0, 4))))

    def report(self, seconds_per_photo: float) -> SemanticReport:
        """The figures over all photos so far."""
        return SemanticReport(self._subject, seconds_per_photo, tuple(self._faults), mean_iou(self._confusion))
