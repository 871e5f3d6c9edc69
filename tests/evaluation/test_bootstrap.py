"""Two runs compared: weights are repetitions, a run equals itself, and intervals hold what they promise."""

import numpy as np
import pytest

from container.evaluation.bootstrap import OtherTruth, WeightedAp, compared
from container.evaluation.coco import Ranked, evaluated, ranked
from tests.evaluation.coverage import Setting, covered
from tests.evaluation.samples import Picture, Seen, There, pictures_of, sample_of

A, B = (0, 0, 100, 100), (150, 50, 100, 100)
HIT, MISS = Seen("cat", A, 0.9), Seen("cat", B, 0.8)


def run_of(pictures: list[Picture]) -> Ranked:
    return ranked(sample_of(pictures))


def two_runs(seed: int, count: int = 12) -> tuple[list[Picture], list[Picture]]:
    """The same truth with two sets of predictions, all of whose scores differ."""
    one = pictures_of(seed, count, scores=10**9)
    other = pictures_of(seed, count, scores=10**9)
    numbers = np.random.default_rng(seed)
    thinned = [Picture(p.truth, [f for f in p.found if numbers.random() < 0.8]) for p in other]
    return one, thinned


@pytest.mark.parametrize("seed", range(8))
def test_weights_are_repetitions(seed: int) -> None:
    pictures = two_runs(seed)
    weights = np.random.default_rng(seed).integers(0, 4, (3, len(pictures[0])), np.uint16)
    found = WeightedAp([run_of(one) for one in pictures]).of(weights)
    for several, values in zip(pictures, found.tolist(), strict=True):
        for row, value in zip(weights.tolist(), values, strict=True):
            repeated = [one for one, times in zip(several, row, strict=True) for _ in range(times)]
            assert value == pytest.approx(evaluated(run_of(repeated)).stats.AP, abs=1e-13)


def test_a_run_equals_itself() -> None:
    run = run_of(pictures_of(3))
    result = compared(run, run, resamples=50)
    assert result is not None
    assert (result.delta, result.low, result.high, result.p) == (0, 0, 0, 1)
    assert result.ap == result.baseline_ap == pytest.approx(evaluated(run).stats.AP, abs=1e-13)
    assert not result.worse and not result.better


def test_the_better_run_is_told() -> None:
    truth = [There("cat", A)]
    good, bad = [Picture(truth, [HIT])] * 9 + [Picture(truth)], [Picture(truth, [HIT])] + [Picture(truth, [MISS])] * 9
    result = compared(run_of(good), run_of(bad), resamples=200)
    back = compared(run_of(bad), run_of(good), resamples=200)
    assert result is not None and back is not None
    assert result.better and back.worse and result.p < 0.02 and back.p == result.p
    assert (result.delta, result.low, result.high) == pytest.approx((-back.delta, -back.high, -back.low))
    assert result.low < result.delta < result.high


def test_the_same_seed_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (run_of(pictures) for pictures in two_runs(5))
    result = compared(one, other, resamples=40, seed=7)
    assert result == compared(one, other, resamples=40, seed=7) != compared(one, other, resamples=40, seed=8)
    for name, size in (("_DRAWN", 30), ("_CELLS", 50)):  # however the work is cut
        monkeypatch.setattr(f"container.evaluation.bootstrap.{name}", size)
        assert result == compared(one, other, resamples=40, seed=7)


def test_labels_may_be_numbered_in_another_order() -> None:
    pictures = [Picture([There("cat", A), There("dog", B)], [Seen("dog", B, 0.9), HIT]) for _ in range(4)]
    turned = [Picture(p.truth[::-1], p.found[::-1]) for p in pictures]
    result = compared(run_of(pictures), run_of(turned), resamples=20)
    assert result is not None and (result.delta, result.ap) == (0, pytest.approx(1))


def test_only_the_same_truth_is_compared() -> None:
    one, other = [Picture([There("cat", A)], [HIT])], [Picture([There("cat", A), There("cat", B)], [HIT])]
    for wrong in (other, one * 2):
        with pytest.raises(OtherTruth):
            compared(run_of(one), run_of(wrong))
    nothing = run_of([Picture([], [HIT])])
    assert compared(nothing, nothing) is None


def test_images_without_truth_may_be_all_that_is_drawn() -> None:
    run = run_of([Picture([There("cat", A)], [HIT]), Picture(), Picture()])
    result = compared(run, run, resamples=50)
    assert result is not None and (result.low, result.high, result.p) == (0, 0, 1)


def test_intervals_cover_the_known_difference() -> None:
    """`make intervals` does it 500 times; of 80 intervals 71 to 80 are within chance (p 0.005)."""
    study = covered(Setting(images=120), pairs=80, resamples=200, population=30_000)
    assert 71 <= study.covered <= 80
