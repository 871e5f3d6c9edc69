"""COCO's average precision of arrays, equal to pycocotools' COCOeval to the last bit.

Where pycocotools answers -1, for want of anything to find, the answer here is None.

figures = evaluated(ranked(sample))
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from container.evaluation.matching import best_matches, in_order
from container.evaluation.sample import Pairs, Sample, merged, starts

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
_CAPS = (1, 10, 100)
MAX_DETECTIONS = 100  # of one label in one image; the best are taken
MAX_LABELS = 10_000  # with truth: 2 s and 0.4 GB with all charts
_AREAS = np.array([[0, 1e10], [0, 32**2], [32**2, 96**2], [96**2, 1e10]])  # both ends belong to a range
_ALL, _SMALL, _MEDIUM, _LARGE = range(4)
_IOU_50, _IOU_75 = 0, 5


class TooManyLabels(ValueError):
    """There are curves of too many labels to draw."""

    def __init__(self) -> None:
        super().__init__(f"over {MAX_LABELS:,} labels have truth")


@dataclass(frozen=True)
class Ranked:
    """D predictions with a score, at most 100 of an image and label, at K IoU thresholds and A = 4 ranges of areas.

    They are in the order of images, in an image in that of labels' places, and then from the best down.
    """

    labels: tuple[str, ...]
    images: int  # how many there are, with those that hold nothing
    image: np.ndarray  # int64 D
    label: np.ndarray  # int64 D
    score: np.ndarray  # float64 D
    rank: np.ndarray  # int64 D, 0…99, among those of its image and label
    hits: np.ndarray  # bool D×A×K, met an object
    ignored: np.ndarray  # bool D×A×K, counts as neither right nor wrong
    truth_image: np.ndarray  # int64 T
    truth_label: np.ndarray  # int64 T
    truth_ignored: np.ndarray  # bool T×A

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Return that of all images of some parts, one at least, in their order: the same figures as of the whole."""
        several = list(parts)
        labels, tables = merged([one.labels for one in several])
        first = starts([one.images for one in several])
        moved = list(zip(several, first, tables, strict=True))
        return cls(
            labels=labels,
            images=sum(one.images for one in several),
            image=np.concatenate([one.image + start for one, start, _ in moved]),
            label=np.concatenate([table[one.label] for one, _, table in moved]),
            score=np.concatenate([one.score for one in several]),
            rank=np.concatenate([one.rank for one in several]),
            hits=np.concatenate([one.hits for one in several]),
            ignored=np.concatenate([one.ignored for one in several]),
            truth_image=np.concatenate([one.truth_image + start for one, start, _ in moved]),
            truth_label=np.concatenate([table[one.truth_label] for one, _, table in moved]),
            truth_ignored=np.concatenate([one.truth_ignored for one in several]),
        )


@dataclass(frozen=True)
class Stats:
    """The twelve numbers that pycocotools prints, 0–1; None where there is nothing to find."""

    AP: float | None  # mean over IoU 0.50, 0.55, … 0.95
    AP50: float | None  # at IoU 0.50
    AP75: float | None
    APs: float | None  # objects up to 32² pixels
    APm: float | None
    APl: float | None  # from 96² pixels
    AR1: float | None  # recall of the best prediction of an image and label, mean over the same IoUs
    AR10: float | None
    AR100: float | None
    ARs: float | None
    ARm: float | None
    ARl: float | None

    def as_dict(self) -> dict[str, float | None]:
        """Return them by name, in pycocotools' order."""
        return asdict(self)


@dataclass(frozen=True)
class Figures:
    """Averages over labels, and those of each of C labels that have something to find, in the order of their names."""

    stats: Stats
    labels: tuple[str, ...]
    ap: tuple[float, ...]  # C, means over the thresholds
    ap50: tuple[float, ...]  # C
    precision: np.ndarray  # float64 10×101×C


@dataclass(frozen=True)
class Curves:
    """Precision and recall of C labels that have something to find among objects of one range of areas."""

    labels: tuple[str, ...]  # in the order of their names
    precision: np.ndarray  # float64 K×101×C, at each of RECALLS
    recall: np.ndarray  # float64 3×K×C, of the best 1, 10 and 100 predictions of an image and label


def ranked(sample: Sample, thresholds: np.ndarray = THRESHOLDS) -> Ranked:
    """Return the predictions of a sample with what each of them met."""
    truth, found, pairs = sample.truth, sample.found, sample.pairs
    places, rank = in_order(found, by_label=True)
    kept = (rank < MAX_DETECTIONS) & ~np.isnan(found.score[places])
    places, rank = places[kept], rank[kept]
    new = np.full(len(found), -1)
    new[places] = np.arange(len(places))
    own = (found.label[pairs.found] == truth.label[pairs.truth]) & (new[pairs.found] >= 0)
    candidates = Pairs(new[pairs.found[own]], pairs.truth[own], pairs.iou[own])
    low, high = _AREAS.T
    outside = (found.area[places, None] < low) | (found.area[places, None] > high)
    truth_ignored = truth.crowd[:, None] | (truth.area[:, None] < low) | (truth.area[:, None] > high)
    hits = np.zeros((len(places), len(_AREAS), len(thresholds)), bool)
    ignored = np.zeros_like(hits)
    for area in range(len(_AREAS)):
        matched = best_matches(candidates, rank, truth_ignored[:, area], truth.crowd, thresholds)
        met = matched >= 0
        in_ignored = np.zeros_like(met)
        in_ignored[met] = truth_ignored[candidates.truth[matched[met]], area]
        hits[:, area] = met & ~in_ignored
        ignored[:, area] = in_ignored | (~met & outside[:, area, None])
    return Ranked(
        labels=sample.labels,
        images=len(sample.images),
        image=found.image[places],
        label=found.label[places],
        score=found.score[places],
        rank=rank,
        hits=hits,
        ignored=ignored,
        truth_image=truth.image,
        truth_label=truth.label,
        truth_ignored=truth_ignored,
    )


def evaluated(predictions: Ranked) -> Figures:
    """Return the figures of predictions that are ranked at THRESHOLDS; TooManyLabels where there are."""
    every = curves(predictions)
    sizes = []
    for area in (_SMALL, _MEDIUM, _LARGE):  # one after the other: of 10,000 labels, each has 80 MB
        one = curves(predictions, area)
        sizes.append((_mean(one.precision), _mean(one.recall[-1])))
        del one
    (ap_small, ar_small), (ap_medium, ar_medium), (ap_large, ar_large) = sizes
    stats = Stats(
        AP=_mean(every.precision),
        AP50=_mean(every.precision[_IOU_50]),
        AP75=_mean(every.precision[_IOU_75]),
        APs=ap_small,
        APm=ap_medium,
        APl=ap_large,
        AR1=_mean(every.recall[0]),
        AR10=_mean(every.recall[1]),
        AR100=_mean(every.recall[-1]),
        ARs=ar_small,
        ARm=ar_medium,
        ARl=ar_large,
    )
    own = [every.precision[..., place] for place in range(len(every.labels))]
    ap = tuple(float(one.ravel().mean()) for one in own)
    ap50 = tuple(float(one[_IOU_50].copy().mean()) for one in own)
    return Figures(stats, every.labels, ap, ap50, every.precision)


def curves(predictions: Ranked, area: int = _ALL) -> Curves:
    """Return the curves at the thresholds that the predictions are ranked at; TooManyLabels where there are."""
    real = ~predictions.truth_ignored[:, area]
    objects = np.bincount(predictions.truth_label[real], minlength=len(predictions.labels))
    present = sorted(np.flatnonzero(objects).tolist(), key=predictions.labels.__getitem__)
    if len(present) > MAX_LABELS:
        raise TooManyLabels
    objects = objects[present]
    places = np.full(len(predictions.labels), -1)
    places[present] = np.arange(len(present))
    own = np.flatnonzero(places[predictions.label] >= 0)
    label = places[predictions.label[own]]
    # Both sorts are stable, as pycocotools' is: what scores the same stays in the order of images and ranks.
    order = np.lexsort((-predictions.score[own], label))
    label, own = label[order], own[order]
    hits = np.asfortranarray(predictions.hits[own, area])
    counted = np.asfortranarray(~predictions.ignored[own, area])
    rank = predictions.rank[own]
    precision = np.zeros((hits.shape[1], len(RECALLS), len(present)))
    recall = np.zeros((len(_CAPS), hits.shape[1], len(present)))
    first = np.searchsorted(label, np.arange(len(present)))
    # How many hits come before the one at which each recall is reached.
    needed = [np.searchsorted(np.arange(1, count + 1) / count, RECALLS) for count in objects.tolist()]
    for k in range(hits.shape[1]):
        met = np.flatnonzero(hits[:, k])
        bounds = np.searchsorted(met, np.append(first, len(label)))
        seen = np.append(0, np.cumsum(counted[:, k]))
        nth = np.arange(1, len(met) + 1) - bounds[label[met]]
        exact = nth / ((seen[met + 1] - seen[first[label[met]]]) + np.spacing(1))
        for place, (begin, end) in enumerate(pairwise(bounds.tolist())):
            # Between two hits precision only falls: the best from a recall on is that of a hit.
            best = np.maximum.accumulate(exact[begin:end][::-1])[::-1]
            reached = needed[place] < end - begin
            precision[k, reached, place] = best[needed[place][reached]]
        for cap, limit in enumerate(_CAPS):
            recall[cap, k] = np.bincount(label[met[rank[met] < limit]], minlength=len(present)) / objects
    return Curves(tuple(predictions.labels[place] for place in present), precision, recall)


def _mean(values: np.ndarray) -> float | None:
    """NumPy adds in another order where values do not lie one behind the other, as pycocotools' do."""
    return float(values.ravel().mean()) if values.size else None
