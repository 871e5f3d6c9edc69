"""Is one run better than another? The difference of their AP with a 95 % interval, by a paired bootstrap over images.

result = compared(ranked(run), ranked(baseline))  # result.delta, result.low, result.high, result.p

Images are drawn with replacement, the same ones for both runs, and AP is computed anew for each draw. Predictions are
matched once: drawing an image n times is the weight n of its predictions and its truth.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from container.evaluation.coco import RECALLS, Ranked
from container.evaluation.sample import merged

# With another seed each end of the interval moves by 3 % of the interval's half (standard error), and a p of 0.05 by
# 0.007; four times the resamples would halve that. 5,000 images of 36 predictions take 10 s.
RESAMPLES = 2000
SHARE = 0.95  # of the interval
_ALL = 0  # of the ranges of area
_DRAWN = 1 << 22  # weights that are held at once
_CELLS = 1 << 17  # of each array of a part; more leaves the processor's cache


class OtherTruth(ValueError):
    """Runs are compared whose truth is not the same."""


@dataclass(frozen=True)
class Comparison:
    """How much better a run is than a baseline on the same truth."""

    ap: float  # of the run
    baseline_ap: float
    delta: float  # the run's less the baseline's
    low: float  # ends of the 95 % interval of the difference
    high: float
    p: float  # two-sided: how often chance alone would make runs of equal AP differ as much
    resamples: int
    seed: int

    @property
    def worse(self) -> bool:
        """Whether the run is significantly worse: all of the interval lies below 0."""
        return self.high < 0

    @property
    def better(self) -> bool:
        """Whether the run is significantly better: all of the interval lies above 0."""
        return self.low > 0


def compared(run: Ranked, baseline: Ranked, *, resamples: int = RESAMPLES, seed: int = 0) -> Comparison | None:
    """Return how much better a run is than a baseline; None where there is no truth.

    The same arguments give the same result, bit for bit. OtherTruth where the truth of the two is not the same.
    """
    weighted = WeightedAp([run, baseline])
    if not weighted.truth:
        return None
    ap, baseline_ap = weighted.of(np.ones((1, run.images), np.uint16))[:, 0].tolist()
    drawn = _draws(run.images, resamples, np.random.default_rng(seed))
    differences = np.concatenate([np.subtract(*weighted.of(weights)) for weights in drawn])
    differences = differences[~np.isnan(differences)]  # NaN where no image with truth was drawn
    tail = 100 * (1 - SHARE) / 2
    low, high = np.percentile(differences, (tail, 100 - tail)).tolist()
    fewer = min((differences <= 0).sum(), (differences >= 0).sum())
    p = min(1.0, 2 * (int(fewer) + 1) / (len(differences) + 1))
    return Comparison(ap, baseline_ap, ap - baseline_ap, low, high, p, resamples, seed)


class WeightedAp:
    """The AP of runs on the same truth, where an image counts several times, or not at all.

    It is that of images that are really there so often, one behind the other; of predictions of one image that score
    the same, though, all copies of the first stand before those of the second.
    """

    def __init__(self, runs: Sequence[Ranked]) -> None:
        """OtherTruth where the truth of the runs is not the same."""
        tables = merged([one.labels for one in runs])[1]
        truths = []
        for one, table in zip(runs, tables, strict=True):
            counted = ~one.truth_ignored[:, _ALL]
            truths.append(_by_label(one.truth_image[counted], table[one.truth_label[counted]]))
        self.truth = truths[0]  # by label the image of each object
        if any(one.images != runs[0].images for one in runs) or not all(_same(one, self.truth) for one in truths):
            raise OtherTruth("the runs are measured on different truth")
        self._runs = [_Predictions(one, table, [*self.truth]) for one, table in zip(runs, tables, strict=True)]
        self._points = len(RECALLS) * runs[0].hits.shape[2]  # whose precision each label adds

    def of(self, weights: np.ndarray) -> np.ndarray:
        """Return runs × R for weights of R × images; NaN where no truth has any weight."""
        sums = np.zeros((len(self._runs), len(weights)))
        present = np.zeros(len(weights), np.int64)
        for label, images in self.truth.items():
            widest = max(len(images), *(len(one.images[label]) for one in self._runs))
            size = max(1, _CELLS // widest)
            for start in range(0, len(weights), size):
                part = slice(start, start + size)
                objects = np.take(weights[part], images, axis=1).sum(axis=1, dtype=np.int64)
                present[part] += objects > 0
                reached = _reached(objects)
                for one, total in zip(self._runs, sums, strict=True):
                    total[part] += one.precisions(label, weights[part], reached)
        with np.errstate(invalid="ignore"):
            return np.asarray(sums / (present * self._points))


def _draws(image_count: int, resamples: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield how often each image was drawn, uint16 resamples × images, in blocks that fit into memory."""
    size = max(1, _DRAWN // max(1, image_count))
    for start in range(0, resamples, size):
        drawn = np.zeros((min(size, resamples - start), image_count), np.uint16)
        for row in drawn:
            row[:] = np.bincount(random.integers(0, image_count, image_count), minlength=image_count)
        yield drawn


def _by_label(images: np.ndarray, labels: np.ndarray) -> dict[int, np.ndarray]:
    """Return the images of each label's objects, labels in their order."""
    order = np.argsort(labels, kind="stable")
    present, starts = np.unique(labels[order], return_index=True)
    bounds = [*starts.tolist(), len(labels)]
    return {label: images[order[a:b]] for label, (a, b) in zip(present.tolist(), pairwise(bounds), strict=True)}


def _same(one: dict[int, np.ndarray], other: dict[int, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[label], other[label]) for label in one)


class _Predictions:
    """The predictions of a run by label, the best first: which are hits, and which are ignored, at each threshold."""

    def __init__(self, ranked: Ranked, table: np.ndarray, labels: list[int]) -> None:
        """`table`: of the run's own places of labels to those in `labels`."""
        ignored = ranked.ignored[:, _ALL]
        hits = ranked.hits[:, _ALL] & ~ignored
        own = table[ranked.label]
        order = np.lexsort((-ranked.score, own))
        places = own[order]
        self.images: dict[int, np.ndarray] = {}
        self.hits: dict[int, list[np.ndarray]] = {}  # at each threshold the places of the hits
        self.ignored: dict[int, list[np.ndarray]] = {}  # and of those that are ignored
        for label in labels:
            rows = order[slice(*np.searchsorted(places, (label, label + 1)))]
            self.images[label] = ranked.image[rows]
            self.hits[label] = [np.flatnonzero(column) for column in hits[rows].T]
            self.ignored[label] = [np.flatnonzero(column) for column in ignored[rows].T]

    def precisions(self, label: int, weights: np.ndarray, reached: np.ndarray) -> np.ndarray:
        """Return the precision at pycocotools' recalls, summed over these and the thresholds, for each row of weights.

        Args:
            weights: R × images.
            reached: uint8 R × hits, how many of the recalls so many hits reach.
        """
        own = np.take(weights, self.images[label], axis=1)
        counted = np.cumsum(own, axis=1, dtype=np.int32)
        rows = np.arange(len(weights))[:, None] * reached.shape[1]
        total = np.zeros(len(weights))
        for hits, ignored in zip(self.hits[label], self.ignored[label], strict=True):
            if not len(hits):
                continue
            right = np.cumsum(np.take(own, hits, axis=1), axis=1, dtype=np.int32)
            every = np.take(counted, hits, axis=1)
            if len(ignored):
                passed = np.cumsum(np.take(own, ignored, axis=1), axis=1, dtype=np.int32)
                passed = np.concatenate((np.zeros((len(passed), 1), np.int32), passed), axis=1)
                every -= np.take(passed, np.searchsorted(ignored, hits), axis=1)
            precision = right / (every + np.spacing(1.0))
            highest = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            steps = np.diff(np.take(reached.ravel(), right + rows), axis=1, prepend=np.uint8(0))
            total += (highest * steps).sum(axis=1)
        return total


def _reached(objects: np.ndarray) -> np.ndarray:
    """Return how many of the recalls are reached with 0, 1, 2, … hits, a row for each number of objects."""
    recall = np.minimum(np.arange(objects.max() + 1) / np.maximum(objects, 1)[:, None], 1)
    below = (100 * recall).astype(np.int8)  # the recalls are in steps of 0.01; rounding may miss by one
    below += np.append(RECALLS, 2)[below + 1] <= recall
    below -= RECALLS[below] > recall
    return np.asarray(below + 1, np.uint8)
