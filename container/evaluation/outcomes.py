"""What became of each prediction and of each object at one IoU threshold: right, wrong, missed, and taken for what.

rows = outcomes(sample, 0.5)
true, false, missed = rows.counts()
"""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from container.evaluation.matching import best_matches, in_order
from container.evaluation.sample import Pairs, Sample
from container.evaluation.tide import COUNTS, faults

KINDS = TP, FP, FN = "TP", "FP", "FN"  # their places are what Outcomes.kind holds
NONE = "(none)"  # stands for a label where there is no partner


@dataclass(frozen=True)
class Outcomes:
    """R rows: one for each prediction but those in crowds, one for each object that has no true positive.

    They are in the order of images, and of an image in that of predictions, then of missed objects. A true positive
    is a match of COCOeval's, at its label. A false positive has as its object the one it meets when labels do not
    count, if any. Predictions without a score choose last, and there is no limit of 100.
    """

    kind: np.ndarray  # uint8 R, place in KINDS
    found: np.ndarray  # int64 R, place of the prediction; -1 for a missed object
    truth: np.ndarray  # int64 R, place of the object; -1 for a prediction that meets none
    iou: np.ndarray  # float64 R; NaN without one of the two
    fault: np.ndarray  # uint8 R, of tide.Fault

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, kept: np.ndarray) -> Self:
        return replace(self, **{one.name: getattr(self, one.name)[kept] for one in fields(self)})

    def counts(self) -> tuple[int, int, int]:
        """Return how many true positives, false positives and missed objects there are."""
        true, false, missed = np.bincount(self.kind, minlength=len(KINDS)).tolist()
        return true, false, missed

    def tide(self) -> dict[str, int]:
        """Return how many rows have each of TIDE's faults; all but the missed add up to the predictions."""
        return {name: int(np.count_nonzero(self.fault == fault)) for name, fault in COUNTS.items()}


def outcomes(sample: Sample, threshold: float) -> Outcomes:
    """Return what became of everything at an IoU threshold of LOWEST_IOU to 1."""
    pairs, crowd = sample.pairs, sample.truth.crowd
    own, in_crowd = _by_label(sample, threshold)
    pair = np.where(own >= 0, own, _by_place(sample, threshold, in_crowd))
    met = np.where((own >= 0) & ~in_crowd, _at(pairs.truth, own, -1), -1)
    fault, missed = faults(sample, met, threshold)
    found = np.flatnonzero(~in_crowd)
    lost = np.setdiff1d(np.flatnonzero(~crowd), met)
    image = np.concatenate((sample.found.image[found], sample.truth.image[lost]))
    nothing = np.full(len(lost), -1)
    rows = Outcomes(
        kind=np.concatenate((met[found] < 0, np.full(len(lost), KINDS.index(FN)))).astype(np.uint8),
        found=np.concatenate((found, nothing)),
        truth=np.concatenate((_at(pairs.truth, pair[found], -1), lost)),
        iou=_at(pairs.iou, np.concatenate((pair[found], nothing)), np.nan),
        fault=np.concatenate((fault[found], missed[lost])),
    )
    return rows[np.argsort(image, kind="stable")]


def confusion(sample: Sample, threshold: float) -> list[tuple[str, str, int]]:
    """Return (label of the truth, label of the prediction, how often) where labels do not count in the matching.

    What has no partner has it in NONE: so the rows of a label add up to its objects, and the columns to its
    predictions. Crowds and what the matching at labels gives to them are left out. Sorted, NONE last.
    """
    truth, found = sample.truth, sample.found
    _, in_crowd = _by_label(sample, threshold)
    met = _at(sample.pairs.truth, _by_place(sample, threshold, in_crowd), -1)
    width = len(sample.labels) + 1
    names = sorted(range(len(sample.labels)), key=sample.labels.__getitem__)
    position = np.empty(width, np.int64)
    position[[*names, width - 1]] = np.arange(width)  # the last stands for none
    counted = np.flatnonzero(~in_crowd)
    lost = np.setdiff1d(np.flatnonzero(~truth.crowd), met)
    rows = position[np.concatenate((_at(truth.label, met[counted], width - 1), truth.label[lost]))]
    columns = position[np.concatenate((found.label[counted], np.full(len(lost), width - 1)))]
    cells, often = np.unique(rows * width + columns, return_counts=True)
    labels = [*(beside_none(sample.labels[place]) for place in names), NONE]
    return [
        (labels[cell // width], labels[cell % width], count)
        for cell, count in zip(cells.tolist(), often.tolist(), strict=True)
    ]


def beside_none(label: str) -> str:
    """Return a label as it stands beside NONE: one that is the same, or in more parentheses, gets further ones."""
    return f"({label})" if NONE in label and label.strip("()") == "none" else label


def _by_label(sample: Sample, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return for each prediction the place of its pair at its own label, or -1, and whether that is with a crowd."""
    pairs, crowd = sample.pairs, sample.truth.crowd
    same = sample.found.label[pairs.found] == sample.truth.label[pairs.truth]
    own = _matches(sample, same, threshold, by_label=True)
    return own, (own >= 0) & _at(crowd[pairs.truth], own, False)


def _by_place(sample: Sample, threshold: float, in_crowd: np.ndarray) -> np.ndarray:
    """Return the pairs of predictions that are in no crowd, matched by IoU alone."""
    pairs = sample.pairs
    return _matches(sample, ~in_crowd[pairs.found] & ~sample.truth.crowd[pairs.truth], threshold, by_label=False)


def _matches(sample: Sample, allowed: np.ndarray, threshold: float, by_label: bool) -> np.ndarray:
    places, ranks = in_order(sample.found, by_label)
    order = np.empty(len(places), np.int64)
    order[places] = ranks
    pairs, crowd = sample.pairs, sample.truth.crowd
    own = np.flatnonzero(allowed)
    candidates = Pairs(pairs.found[own], pairs.truth[own], pairs.iou[own])
    return _at(own, best_matches(candidates, order, crowd, crowd, np.array([threshold]))[:, 0], -1)


def _at(values: np.ndarray, places: np.ndarray, otherwise: float) -> np.ndarray:
    """Return the values at places, and `otherwise` where a place is -1."""
    found = np.full(len(places), otherwise, values.dtype)
    found[places >= 0] = values[places[places >= 0]]
    return found
