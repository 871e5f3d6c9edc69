"""Detectors: photo by photo what is there and what was found, then the report."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from container.datasets.base import Photo
from container.evaluation.average_precision import Scores, average_precision
from container.evaluation.confidence import BestConfidence, best_confidence
from container.evaluation.faults import faults
from container.evaluation.objects import Detections, Truth
from container.evaluation.report import Report, Subject
from container.structures import Instances


@dataclass(frozen=True)
class DetectionReport(Report):
    """How well objects are found."""

    box: Scores
    mask: Scores | None  # None where the data or the model has no masks
    confidence: BestConfidence | None  # None where nothing was found

    @property
    def best_confidence(self) -> float | None:
        return None if self.confidence is None else self.confidence.threshold

    def figures(self) -> dict[str, float | None]:
        named: dict[str, float | None] = {
            f"{kind}_{name}": value
            for kind, scores in self._kinds().items()
            for name, value in asdict(scores).items()
            if not name.startswith("class_")
        }
        named["best_confidence"] = self.best_confidence
        if self.confidence is not None:
            named |= {"macro_f1": self.confidence.macro_f1, "micro_f1": self.confidence.micro_f1}
        return named

    def columns(self) -> dict[str, Sequence[float | None]]:
        return {
            f"{kind}_{name}": values
            for kind, scores in self._kinds().items()
            for name, values in (("ap", scores.class_ap), ("ap50", scores.class_ap50))
        }

    def _kinds(self) -> dict[str, Scores]:
        return {"box": self.box} if self.mask is None else {"box": self.box, "mask": self.mask}


class DetectionTally:
    """Takes photos one by one; masks are kept as run lengths, so that thousands fit."""

    def __init__(self, subject: Subject, confidence: float) -> None:
        """`confidence`: what the model was asked for."""
        self._subject = subject
        self._confidence = confidence
        self._classes = {label: i for i, label in enumerate(subject.labels)}
        self._truth: list[Truth] = []
        self._found: list[Detections] = []

    def add(self, photo: Photo, instances: Instances) -> None:
        """One photo and what was found in it; ValueError for a mask in the data that is none."""
        self._truth.append(Truth.of(photo, self._classes))
        self._found.append(Detections.of(instances, self._classes))

    def report(self, seconds_per_photo: float) -> DetectionReport:
        """The figures over all photos so far."""
        count = len(self._classes)
        measured = average_precision(self._truth, self._found, count)
        areas = np.array([truth.image_size[0] * truth.image_size[1] for truth in self._truth])
        return DetectionReport(
            subject=self._subject,
            seconds_per_photo=seconds_per_photo,
            faults=faults(measured.matches, areas),
            box=measured.box,
            mask=measured.mask,
            confidence=best_confidence(measured.matches, count, self._confidence),
        )
