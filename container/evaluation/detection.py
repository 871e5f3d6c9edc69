"""Detectors: photo by photo what is there and what was found, then the report."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from container.datasets.base import Photo
from container.evaluation.average_precision import Scores, average_precision
from container.evaluation.confidence import BestConfidence, best_confidence
from container.evaluation.faults import faults
from container.evaluation.objects import Detections, Truth
from container.evaluation.photos import Kind, samples
from container.evaluation.report import Report, Subject
from container.evaluation.sample import Sample
from container.structures import Instances


@dataclass(frozen=True)
class DetectionReport(Report):
    """How well objects are found."""

    box: Scores | None  # None where it is about masks alone
    mask: Scores | None  # None where the data or the model has no masks
    confidence: BestConfidence | None  # None where nothing was found
    samples: Mapping[Kind, Sample] = field(repr=False)  # what the figures are computed from

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

    def _kinds(self) -> dict[Kind, Scores]:
        kinds: tuple[tuple[Kind, Scores | None], ...] = (("box", self.box), ("mask", self.mask))
        return {kind: scores for kind, scores in kinds if scores is not None}


def detection_report(
    subject: Subject,
    samples: Mapping[Kind, Sample],
    boxes: np.ndarray,
    areas: np.ndarray,
    *,
    lowest: float = 0.0,
    seconds_per_photo: float | None = None,
) -> DetectionReport:
    """Return the report of samples whose labels begin with the subject's; faults are the first one's.

    Args:
        samples: at least one.
        boxes: float N×4 xyxy, of all objects of the first sample.
        areas: of the images, in pixels.
        lowest: confidence that was asked for.
    """
    measured = {kind: average_precision(sample) for kind, sample in samples.items()}
    scores = {kind: one.scores for kind, one in measured.items()}
    matches = next(iter(measured.values())).matches
    label_count = len(next(iter(samples.values())).labels)
    return DetectionReport(
        subject=subject,
        seconds_per_photo=seconds_per_photo,
        faults=faults(matches, boxes, areas),
        box=scores.get("box"),
        mask=scores.get("mask"),
        confidence=best_confidence(matches, label_count, lowest),
        samples=samples,
    )


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
        return detection_report(
            self._subject,
            samples(self._truth, self._found, self._subject.labels),
            np.concatenate([one.boxes for one in self._truth]),
            np.array([one.image_size[0] * one.image_size[1] for one in self._truth]),
            lowest=self._confidence,
            seconds_per_photo=seconds_per_photo,
        )
