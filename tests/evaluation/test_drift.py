"""Population stability: the index, its bands, what chance explains, and classes beyond the most frequent."""

import math

import numpy as np
import pytest

from container.evaluation.drift import BINS, CLASSES, Histogram, Level, compared, place_of, shift


def histogram(rng: np.random.Generator, count: int, spread: float = 2.0, classes: int = 5) -> Histogram:
    found = Histogram()
    for score, label in zip(rng.beta(8, spread, count), rng.integers(0, classes, count), strict=True):
        found.add(str(label), place_of(score))
    return found


@pytest.mark.parametrize(
    ("score", "place"), [(0, 0), (0.049, 0), (0.05, 1), (0.5, 10), (0.949, 18), (0.95, 19), (1, 19)]
)
def test_places(score: float, place: int) -> None:
    assert place_of(score) == place


@pytest.mark.parametrize(
    ("found", "baseline", "index", "level"),
    [
        ((5000, 5000), (5000, 5000), 0.0, "stable"),
        ((5000, 5000), (50_000, 50_000), 0.0, "stable"),
        ((5000, 5000, 0), (5000, 5000, 0), 0.0, "stable"),  # a bin that nobody has
        ((6000, 4000), (5000, 5000), 0.2 / 2 * math.log(1.2) + 0.2 / 2 * math.log(1 / 0.8), "stable"),
        ((6500, 3500), (5000, 5000), 0.15 * math.log(1.3 / 0.7), "stable"),
        ((7000, 3000), (5000, 5000), 0.2 * math.log(1.4 / 0.6), "moderate"),
        ((8000, 2000), (5000, 5000), 0.3 * math.log(1.6 / 0.4), "large"),
        ((8, 2), (5, 5), 0.334, "stable"),  # ten objects say nothing
        ((1000, 0), (0, 1000), 15.2, "large"),
    ],
)
def test_the_index(found: tuple[int, ...], baseline: tuple[int, ...], index: float, level: Level) -> None:
    there = shift(found, baseline)
    assert there.index == pytest.approx(index, rel=1e-2, abs=1e-3)
    assert there.level == level
    assert shift(baseline, found).index == pytest.approx(there.index)


def test_nothing_is_no_shift() -> None:
    assert compared(Histogram(), Histogram()).index == 0
    assert compared(histogram(np.random.default_rng(0), 100), Histogram()).scores.level == "stable"


def test_the_same_stream_does_not_alarm() -> None:
    """Two samples exceed what chance explains once in 1,000 times; of 300 pairs two would be many."""
    rng = np.random.default_rng(7)
    drifts = [compared(histogram(rng, 400), histogram(rng, 600)) for _ in range(150)]
    assert sum(one.scores.index > one.scores.chance for one in drifts) <= 2
    assert sum(one.classes.index > one.classes.chance for one in drifts) <= 2


@pytest.mark.parametrize(("spread", "classes", "shifted"), [(4.0, 5, "scores"), (2.0, 2, "classes")])
def test_a_shifted_stream_alarms(spread: float, classes: int, shifted: str) -> None:
    rng = np.random.default_rng(7)
    drift = compared(histogram(rng, 1000, spread, classes), histogram(rng, 1000))
    levels = {"scores": drift.scores.level, "classes": drift.classes.level}
    assert [name for name, level in levels.items() if level == "large"] == [shifted]
    assert drift.index >= 0.25


def test_rare_classes_count_together() -> None:
    common = {f"c{i}": 1000 for i in range(CLASSES)}
    found, baseline = Histogram(), Histogram()
    for label, number in common.items():
        for one in (found, baseline):
            one.add(label, None, number)
    for i in range(300):
        found.add(f"rare {i}", None)
        baseline.add(f"odd {i}", None)
    drift = compared(found, baseline)
    assert drift.classes.index == pytest.approx(0)
    assert len(found.scores) == BINS and drift.scores.level == "stable"  # none has a score
