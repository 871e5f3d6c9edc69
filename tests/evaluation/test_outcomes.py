"""Right, wrong, missed and confused: by hand, against a slow reference, and that everything is counted once."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from container.evaluation.outcomes import KINDS, NONE, Outcomes, confusion, outcomes
from container.evaluation.sample import Sample, joined
from tests.evaluation.samples import Box, Picture, Seen, There, pictures_of, sample_of

A, B, FAR = (0, 0, 100, 100), (150, 50, 100, 100), (300, 0, 90, 40)
TALL, LOW = (0, 0, 100, 72), (0, 0, 100, 30)  # IoU with A: 0.72, 0.3
CAT, DOG = There("cat", A), There("dog", B)

Row = tuple[str, int | None, int | None]  # kind, place of the prediction, place of the object
CASES: dict[str, tuple[Picture, list[Row], list[tuple[str, str, int]]]] = {
    "right": (Picture([CAT], [Seen("cat", TALL, 0.5)]), [("TP", 0, 0)], [("cat", "cat", 1)]),
    "nothing": (Picture(), [], []),
    "missed": (
        Picture([CAT], [Seen("cat", FAR, 0.5)]),
        [("FP", 0, None), ("FN", None, 0)],
        [("cat", NONE, 1), (NONE, "cat", 1)],
    ),
    "another label": (Picture([CAT], [Seen("dog", A, 0.5)]), [("FP", 0, 0), ("FN", None, 0)], [("cat", "dog", 1)]),
    "twice": (
        Picture([CAT], [Seen("cat", TALL, 0.5), Seen("cat", A, 0.4)]),
        [("TP", 0, 0), ("FP", 1, None)],
        [("cat", "cat", 1), (NONE, "cat", 1)],
    ),
    "without a score comes last": (
        Picture([CAT], [Seen("cat", A), Seen("cat", A), Seen("cat", TALL, 0.0)]),
        [("FP", 0, None), ("FP", 1, None), ("TP", 2, 0)],
        [("cat", "cat", 1), (NONE, "cat", 2)],
    ),
    "of those without a score, the first": (
        Picture([CAT], [Seen("cat", TALL), Seen("cat", A)]),
        [("TP", 0, 0), ("FP", 1, None)],
        [("cat", "cat", 1), (NONE, "cat", 1)],
    ),
    # The dog takes the cat when labels do not count, so that the matrix has what the rows have not.
    "a better one of another label": (
        Picture([CAT], [Seen("cat", A, 0.5), Seen("dog", A, 0.9)]),
        [("TP", 0, 0), ("FP", 1, 0)],
        [("cat", "dog", 1), (NONE, "cat", 1)],
    ),
    "in a crowd": (
        Picture([There("cat", A, crowd=True), DOG], [Seen("cat", LOW, 0.5), Seen("dog", LOW, 0.5)]),
        [("FP", 1, None), ("FN", None, 1)],
        [("dog", NONE, 1), (NONE, "dog", 1)],
    ),
}


def rows_of(rows: Outcomes) -> list[Row]:
    def place(value: int) -> int | None:
        return None if value < 0 else value

    columns = zip(rows.kind.tolist(), rows.found.tolist(), rows.truth.tolist(), strict=True)
    return [(KINDS[kind], place(found), place(truth)) for kind, found, truth in columns]


@pytest.mark.parametrize("case", CASES)
def test_outcomes_that_can_be_seen(case: str) -> None:
    picture, rows, matrix = CASES[case]
    sample = sample_of([picture])
    assert rows_of(outcomes(sample, 0.5)) == rows
    assert confusion(sample, 0.5) == matrix


def reference(picture: Picture, threshold: float, may: Callable[[Seen, There], bool]) -> dict[int, int]:
    """The object of each prediction, by COCO's rule, in loops."""
    truth, found = list(picture.truth), list(picture.found)
    if not truth or not found:
        return {}
    ious = coco_mask.iou(
        [list(one.box) for one in found], [list(one.box) for one in truth], [one.crowd for one in truth]
    )
    met: dict[int, int] = {}
    for i in sorted(range(len(found)), key=lambda i: math.inf if math.isnan(found[i].score) else -found[i].score):
        able = [j for j, one in enumerate(truth) if may(found[i], one) and ious[i, j] >= min(threshold, 1 - 1e-10)]
        free = [j for j in able if truth[j].crowd or j not in met.values()]
        if free:
            met[i] = max(free, key=lambda j: (not truth[j].crowd, ious[i, j], j))
    return met


def expected(picture: Picture, threshold: float) -> tuple[Counter[Row], Counter[tuple[str, str]]]:
    own = reference(picture, threshold, lambda seen, there: seen.label == there.label)
    crowded = {i for i, j in own.items() if picture.truth[j].crowd}
    left = [i for i in range(len(picture.found)) if i not in crowded]
    rest = Picture([one for one in picture.truth if not one.crowd], [picture.found[i] for i in left])
    real = [j for j, one in enumerate(picture.truth) if not one.crowd]
    blind = {left[i]: real[j] for i, j in reference(rest, threshold, lambda *_: True).items()}
    rows: Counter[Row] = Counter(("TP", i, own[i]) if i in own else ("FP", i, blind.get(i)) for i in left)
    rows.update(("FN", None, j) for j in real if j not in {own[i] for i in left if i in own})
    labels = [one.label for one in picture.truth]
    matrix = Counter((labels[blind[i]] if i in blind else NONE, picture.found[i].label) for i in left)
    matrix.update((labels[j], NONE) for j in real if j not in blind.values())
    return rows, matrix


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("whole", [True, False])
def test_a_slow_reference_says_the_same(whole: bool, threshold: float) -> None:
    for seed in range(8):
        pictures = pictures_of(seed, 15, whole=whole, scores=5)
        matrix: Counter[tuple[str, str]] = Counter()
        for picture in pictures:
            rows, cells = expected(picture, threshold)
            assert Counter(rows_of(outcomes(sample_of([picture]), threshold))) == rows
            matrix.update(cells)
        found = confusion(sample_of(pictures), threshold)
        assert {(there, seen): count for there, seen, count in found} == matrix
        assert found == sorted(found, key=lambda cell: [(label == NONE, label) for label in cell[:2]])


@pytest.mark.parametrize("seed", range(6))
def test_everything_is_counted_once(seed: int) -> None:
    sample = sample_of(pictures_of(seed, 30, crowds=False, whole=seed % 2 == 0))
    rows = outcomes(sample, 0.5)
    tp, fp, fn = rows.counts()
    assert sorted(rows.found[rows.found >= 0].tolist()) == list(range(len(sample.found))) and tp + fp == len(
        sample.found
    )
    owned = rows.kind != KINDS.index("FP")
    assert sorted(rows.truth[owned].tolist()) == list(range(len(sample.truth))) and tp + fn == len(sample.truth)
    place = np.where(rows.found >= 0, rows.found, 0)
    image = np.where(rows.found >= 0, sample.found.image[place], sample.truth.image[rows.truth])
    assert (np.diff(image) >= 0).all()
    pairs = dict(zip(zip(sample.pairs.found, sample.pairs.truth, strict=True), sample.pairs.iou, strict=True))
    for found, truth, iou in zip(rows.found, rows.truth, rows.iou, strict=True):
        assert iou == pairs[found, truth] if min(found, truth) >= 0 else math.isnan(iou)
    matrix = confusion(sample, 0.5)
    for label, side in enumerate(("truth", "found")):
        labels = [sample.labels[i] for i in getattr(sample, side).label]
        sums: Counter[str] = Counter()
        for cell in matrix:
            sums[str(cell[label])] += cell[2]
        assert Counter(labels) == Counter({name: count for name, count in sums.items() if name != NONE})


def cut(pictures: Sequence[Picture], places: Sequence[int]) -> Sample:
    parts = [sample_of(pictures[a:b]) for a, b in zip((0, *places), (*places, len(pictures)), strict=True)]
    return joined(parts)


def test_outcomes_of_parts_are_those_of_the_whole() -> None:
    pictures = pictures_of(3, 20, whole=True)
    whole = sample_of(pictures)
    for places in ((7,), (0, 1, 19)):
        assert rows_of(outcomes(cut(pictures, places), 0.5)) == rows_of(outcomes(whole, 0.5))
        assert confusion(cut(pictures, places), 0.5) == confusion(whole, 0.5)


def test_thousands_of_predictions_in_one_picture_take_no_time() -> None:
    boxes: list[Box] = [(20 * (i % 100), 20 * (i // 100), 10, 10) for i in range(3000)]
    picture = Picture([There("cat", box) for box in boxes], [Seen("cat", box, 0.5) for box in boxes])
    assert outcomes(sample_of([picture]), 0.5).counts() == (3000, 0, 0)
