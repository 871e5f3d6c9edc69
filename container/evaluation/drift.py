"""Has what a model finds changed? The population stability index of two histograms, of scores or of classes.

The index is Σ (p − q) ln(p / q) over the bins, p and q being their shares. Below 0.1 nothing is read into it, from 0.25
on the two are of different populations. Few objects give a large index by chance; see `Shift.chance`.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

MODERATE, LARGE = 0.1, 0.25  # the usual bands
BINS = 20  # of scores, as wide as each other
EDGES = tuple(i / BINS for i in range(1, BINS))
CLASSES = 20  # the most frequent of both sides; the others are counted together
_HALF = 0.5  # an object, added to each bin: the index of an empty one would be infinite
_RARE = 3.09  # standard deviations, beyond which chance leads once in 1,000 times

Level = Literal["stable", "moderate", "large"]


@dataclass
class Histogram:
    """How many objects there are by score and by class."""

    scores: list[int] = field(default_factory=lambda: [0] * BINS)
    classes: Counter[str] = field(default_factory=Counter)

    def add(self, label: str, place: int | None, number: int = 1) -> None:
        """Count objects of a class whose score is behind `place` of the EDGES; None if they have no score."""
        self.classes[label] += number
        if place is not None:
            self.scores[place] += number


@dataclass(frozen=True)
class Shift:
    """How far two histograms are from each other."""

    index: float
    chance: float  # what the index of two samples of one population exceeds once in 1,000 times

    @property
    def level(self) -> Level:
        """The band of the index; what chance explains is stable."""
        if self.index < MODERATE or self.index <= self.chance:
            return "stable"
        return "moderate" if self.index < LARGE else "large"


@dataclass(frozen=True)
class Drift:
    """How far the scores and the classes of two runs are from each other."""

    scores: Shift
    classes: Shift

    @property
    def index(self) -> float:
        """The larger index of those that chance does not explain, 0 if it explains both."""
        return max((one.index for one in (self.scores, self.classes) if one.index > one.chance), default=0.0)


def place_of(score: float) -> int:
    """Return the place of a score among the EDGES."""
    return int(np.searchsorted(EDGES, score, side="right"))


def compared(found: Histogram, baseline: Histogram) -> Drift:
    """Return how far `found` is from `baseline`."""
    ranked = sorted((found.classes + baseline.classes).items(), key=lambda one: (-one[1], one[0]))
    named = [label for label, _ in ranked[:CLASSES]]
    return Drift(
        shift(found.scores, baseline.scores), shift(_counted(found.classes, named), _counted(baseline.classes, named))
    )


def _counted(classes: Counter[str], named: Iterable[str]) -> list[int]:
    numbers = [classes[label] for label in named]
    return [*numbers, classes.total() - sum(numbers)]


def shift(found: Sequence[int], baseline: Sequence[int]) -> Shift:
    """Return the index of two histograms of the same bins; those that are empty in both do not count."""
    counts = np.array([found, baseline], float)
    counts = counts[:, counts.any(axis=0)]
    totals = counts.sum(axis=1)
    if not totals.all():  # nothing to compare with
        return Shift(0.0, math.inf)
    shares = counts + _HALF
    shares /= shares.sum(axis=1, keepdims=True)
    index = float(((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum())
    return Shift(index, _rare(counts.shape[1] - 1) * float((1 / totals).sum()))


def _rare(freedom: int) -> float:
    """Return what chi-square exceeds once in 1,000 times, by Wilson and Hilferty; the index is near such a number."""
    if not freedom:
        return 0.0
    part = 2 / (9 * freedom)
    return freedom * float(1 - part + _RARE * math.sqrt(part)) ** 3
