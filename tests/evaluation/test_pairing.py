"""Pairing against a slow reference in whole numbers, whose IoUs are fractions and tie exactly."""

import time
from fractions import Fraction

import numpy as np
import pytest

from container.evaluation.geometry import Overlap, box_overlaps
from container.evaluation.pairing import paired

NONE = float("nan")


def overlap(*rows: tuple[int, int, float]) -> Overlap:
    found, truth, iou = zip(*rows, strict=True) if rows else ((), (), ())
    return Overlap(np.array(found, np.int64), np.array(truth, np.int64), np.array(iou, float))


def ends(pairs: Overlap) -> list[tuple[int, int]]:
    return list(zip(pairs.found.tolist(), pairs.truth.tolist(), strict=True))


@pytest.mark.parametrize(
    ("rows", "confidence", "expected"),
    [
        ([], [], []),
        ([(0, 0, 0.1)], [0.5], [(0, 0)]),  # no threshold
        ([(0, 0, 0.6), (0, 1, 0.9), (1, 0, 0.5), (1, 1, 0.8)], [0.5, 0.5], [(0, 1), (1, 0)]),
        # The greatest IoU first, and not the confidence of 1.
        ([(0, 0, 0.6), (1, 0, 0.7)], [1, 0.1], [(1, 0)]),
        # Ties: the greater confidence, and none last; then the first object; then the first prediction.
        ([(0, 0, 0.6), (1, 0, 0.6)], [0.1, 1], [(1, 0)]),
        ([(0, 0, 0.6), (1, 0, 0.6)], [NONE, 0], [(1, 0)]),
        ([(0, 0, 0.6), (1, 0, 0.6)], [NONE, NONE], [(0, 0)]),
        ([(0, 1, 0.6), (1, 0, 0.6), (1, 1, 0.6)], [0.5, 0.5], [(0, 1), (1, 0)]),
        ([(0, 0, 0.6), (0, 1, 0.6), (1, 0, 0.6)], [0.5, 0.5], [(0, 0)]),
        # What is left takes what is free, down a chain.
        ([(0, 0, 0.9), (0, 1, 0.8), (1, 1, 0.7), (1, 2, 0.6), (2, 2, 0.5)], [1, 1, 1], [(0, 0), (1, 1), (2, 2)]),
    ],
)
def test_by_hand(rows: list[tuple[int, int, float]], confidence: list[float], expected: list[tuple[int, int]]) -> None:
    everything = np.ones(len(rows), bool)
    assert ends(paired(overlap(*rows), everything, np.array(confidence, float))) == expected


def test_only_what_may_pair_does() -> None:
    pairs = paired(overlap((0, 0, 0.9), (0, 1, 0.5), (1, 0, 0.4)), np.array([False, True, True]), np.array([0.5, 0.5]))
    assert (ends(pairs), pairs.iou.tolist()) == ([(0, 1), (1, 0)], [0.5, 0.4])


def pixels(box: tuple[int, ...]) -> set[tuple[int, int]]:
    x, y, width, height = box
    return {(i, j) for i in range(x, x + width) for j in range(y, y + height)}


def reference(
    found: list[tuple[int, ...]],
    truth: list[tuple[int, ...]],
    confidence: list[float],
    allowed: set[tuple[int, int]],
) -> list[tuple[int, int]]:
    """One pair after the other: the best of all that are left."""
    iou = {}
    for one in range(len(found)):
        for other in range(len(truth)):
            first, second = pixels(found[one]), pixels(truth[other])
            if first & second and (one, other) in allowed:
                iou[one, other] = Fraction(len(first & second), len(first | second))
    taken = []
    while iou:
        best = min(
            iou,
            key=lambda ends: (
                -iou[ends],
                confidence[ends[0]] != confidence[ends[0]],
                0 if confidence[ends[0]] != confidence[ends[0]] else -confidence[ends[0]],
                ends[1],
                ends[0],
            ),
        )
        taken.append(best)
        iou = {ends: value for ends, value in iou.items() if ends[0] != best[0] and ends[1] != best[1]}
    return sorted(taken)


def test_equal_to_a_slow_reference() -> None:
    random = np.random.default_rng(24)
    pair_count = 0
    for _ in range(10_000):
        found, truth = (
            np.concatenate((random.integers(0, 3, (count, 2)), random.integers(0, 5, (count, 2))), axis=1)
            for count in random.integers(0, 6, 2)
        )
        confidence = random.choice([0, 0.5, 1, NONE], len(found))
        labels, true_labels = random.integers(0, 2, len(found)), random.integers(0, 2, len(truth))
        blind = random.random() < 0.5
        overlaps = box_overlaps(found.astype(float), truth.astype(float))
        allowed = blind | (labels[overlaps.found] == true_labels[overlaps.truth])
        pairs = ends(paired(overlaps, allowed, confidence))
        may = {(i, j) for i in range(len(found)) for j in range(len(truth)) if blind or labels[i] == true_labels[j]}
        assert pairs == reference([*map(tuple, found)], [*map(tuple, truth)], confidence.tolist(), may)
        pair_count += len(pairs)
    assert pair_count > 5_000


def test_the_order_of_objects_and_what_is_far_away_change_nothing() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        found, truth = (random.random((8, 4)) * [9, 9, 20, 20] for _ in range(2))
        confidence = random.random(8)
        expected = pairs_of(found, truth, confidence)
        one, other = random.permutation(8), random.permutation(8)
        moved = pairs_of(found[one], truth[other], confidence[one])
        assert {(one[i], other[j]) for i, j in moved} == expected
        far = np.concatenate((found, found + [1000, 0, 0, 0]))
        assert pairs_of(far, truth, np.concatenate((confidence, confidence))) == expected


def pairs_of(found: np.ndarray, truth: np.ndarray, confidence: np.ndarray) -> set[tuple[int, int]]:
    overlaps = box_overlaps(found, truth)
    return set(ends(paired(overlaps, np.ones(len(overlaps.iou), bool), confidence)))


@pytest.mark.alone
def test_a_million_pairs_take_less_than_a_second() -> None:
    random = np.random.default_rng(0)
    found, truth = np.divmod(np.arange(1_000_000), 1000)
    pairs = Overlap(found, truth, random.integers(1, 50, 1_000_000) / 50)
    start = time.process_time()
    taken = paired(pairs, np.ones(1_000_000, bool), random.integers(0, 10, 1000) / 10)
    assert time.process_time() - start < 1
    assert len(taken.iou) == 1000


@pytest.mark.alone
def test_boxes_of_5000_images_take_less_than_3_seconds() -> None:
    random = np.random.default_rng(0)
    images = [[random.random((36, 4)) * [500, 500, 300, 300] for _ in range(2)] for _ in range(500)]
    confidence = random.random(36)
    start = time.perf_counter()
    for found, truth in images:
        overlaps = box_overlaps(found, truth)
        paired(overlaps, np.ones(len(overlaps.iou), bool), confidence)
    assert time.perf_counter() - start < 0.3  # a tenth of them
