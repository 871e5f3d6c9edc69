"""Does the 95 % interval hold what it promises? Pairs of runs whose real difference is known: `make intervals`.

A detector finds an object the more surely, scores it the higher and places it the better, the easier the object is for
it. Both runs see the same objects, which are as hard for one as for the other but for chance; images differ, too. The
real difference is that of a population of many more images than any pair has.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np

from container.evaluation.bootstrap import WeightedAp, compared
from container.evaluation.coco import THRESHOLDS, Ranked

LABELS = {"person": 0.4, "car": 0.25, "dog": 0.2, "cup": 0.1, "kite": 0.05}  # and the share of each


@dataclass(frozen=True)
class Setting:
    """How many images a pair of runs is measured on, and how good each of them is."""

    images: int
    skills: tuple[float, float] = (0.6, 0.5)


@dataclass(frozen=True)
class Study:
    """What came of it."""

    pairs: int
    covered: int  # intervals that hold the real difference
    difference: float
    significant: int  # intervals without 0


def covered(setting: Setting, pairs: int, resamples: int, population: int, seed: int = 0) -> Study:
    """Compare simulated pairs of runs, and count the intervals that hold the real difference."""
    random = np.random.default_rng(seed)
    real = WeightedAp(simulated(population, setting.skills, random)).of(np.ones((1, population), np.uint16))
    difference = float(real[0, 0] - real[1, 0])
    inside = significant = 0
    for number in range(pairs):
        run, baseline = simulated(setting.images, setting.skills, random)
        result = compared(run, baseline, resamples=resamples, seed=number)
        assert result is not None
        inside += result.low <= difference <= result.high
        significant += result.better or result.worse
    return Study(pairs, inside, difference, significant)


def simulated(images: int, skills: tuple[float, ...], random: np.random.Generator) -> list[Ranked]:
    """Runs of these skills on the same images: about three objects and one wrong prediction in each."""
    image = np.repeat(np.arange(images), random.poisson(3, images))
    label = random.choice(len(LABELS), len(image), p=[*LABELS.values()])
    hard = random.normal(0, 0.6, images)[image] + random.normal(0, 0.8, len(image))
    return [_run(images, image, label, skill - hard, skill, random) for skill in skills]


def _run(
    images: int, image: np.ndarray, label: np.ndarray, ease: np.ndarray, skill: float, random: np.random.Generator
) -> Ranked:
    ease = ease + random.normal(0, 0.6, len(ease))
    found = random.random(len(ease)) < _share(ease + 1.5)
    iou = 0.4 + 0.6 * _share(ease[found])
    wrong = np.repeat(np.arange(images), random.poisson(2 * np.exp(-skill / 2), images))
    score = np.concatenate(
        (_share(ease[found] + random.normal(0, 1, len(iou))), _share(random.normal(-1, 1, len(wrong))))
    )
    hits = np.concatenate((iou[:, None] >= THRESHOLDS, np.zeros((len(wrong), len(THRESHOLDS)), bool)))
    where = np.concatenate((image[found], wrong))
    named = np.concatenate((label[found], random.choice(len(LABELS), len(wrong), p=[*LABELS.values()])))
    order = np.argsort(where, kind="stable")
    return Ranked(
        labels=tuple(LABELS),
        images=images,
        image=where[order],
        label=named[order],
        score=score[order],
        rank=np.zeros(len(order), np.int64),
        hits=hits[order, None],
        ignored=np.zeros((len(order), 1, len(THRESHOLDS)), bool),
        truth_image=image,
        truth_label=label,
        truth_ignored=np.zeros((len(image), 1), bool),
    )


def _share(value: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-value)))


if __name__ == "__main__":
    print("images  skills       real Δ   covered  significant  seconds")
    outside = False
    for number, setting in enumerate((Setting(500), Setting(500, (0.5, 0.5)), Setting(150), Setting(500, (0.9, 0.3)))):
        begun = time.monotonic()
        study = covered(setting, pairs=500, resamples=1000, population=1_000_000, seed=number)
        share = study.covered / study.pairs
        outside |= number == 0 and not 0.93 <= share <= 0.97
        print(
            f"{setting.images:>6}  {setting.skills!s:<11}  {study.difference:+.4f}  {share:>7.1%}  "
            f"{study.significant / study.pairs:>11.1%}  {time.monotonic() - begun:>7.0f}",
            flush=True,
        )
    sys.exit(outside)
