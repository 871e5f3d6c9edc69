"""Average precision of arrays: equal to pycocotools to the last bit, of a whole and of its parts."""

from typing import Any

import numpy as np
import pytest

from container.evaluation.coco import THRESHOLDS, Ranked, Stats, TooManyLabels, curves, evaluated, ranked
from container.evaluation.sample import joined
from tests.evaluation.samples import NO_SCORE, Kind, Picture, Seen, There, oracle, pictures_of, sample_of

A, B, FAR = (0, 0, 100, 100), (150, 50, 100, 100), (300, 0, 90, 40)
TALL = (0, 0, 100, 72)  # IoU with A: 0.72
SMALL = (10, 10, 10, 10)

NOTHING = dict.fromkeys(["AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"])
FULL = NOTHING | dict.fromkeys(["AP", "AP50", "AP75", "APl", "AR1", "AR10", "AR100", "ARl"], 1.0)
CASES: dict[str, tuple[list[Picture], dict[str, float | None]]] = {
    "perfect": ([Picture([There("cat", A)], [Seen("cat", A, 0.9)])], FULL),
    "no picture": ([], NOTHING),
    "nothing found": ([Picture([There("cat", A)])], {k: None if v is None else 0 for k, v in FULL.items()}),
    "nothing to find": ([Picture([], [Seen("cat", A, 0.9)])], NOTHING),
    "only a crowd": ([Picture([There("cat", A, crowd=True)], [Seen("cat", A, 0.9)])], NOTHING),
    "without a score": ([Picture([There("cat", A)], [Seen("cat", A, NO_SCORE)])], {"AP": 0, "AR100": 0}),
    "another label": ([Picture([There("cat", A)], [Seen("dog", A, 0.9)])], {"AP": 0}),
    "IoU 0.72": ([Picture([There("cat", A)], [Seen("cat", TALL, 0.9)])], {"AP": 0.5, "AP50": 1, "AP75": 0}),
    "sizes": ([Picture([There("cat", A), There("cat", SMALL)], [Seen("cat", A, 0.9)])], {"APs": 0, "APm": None}),
    # Precision is 1 up to recall 0.5 (51 of the 101 points), 2/3 beyond.
    "one wrong between two right": (
        [Picture([There("cat", A), There("cat", B)], [Seen("cat", b, 0.9 - i / 9) for i, b in enumerate((A, FAR, B))])],
        {"AP50": (51 + 50 * 2 / 3) / 101, "AR1": 0.5, "AR10": 1},
    ),
}


def ap_of(pictures: list[Picture], kind: Kind = "bbox") -> Stats:
    return evaluated(ranked(sample_of(pictures, kind))).stats


def values(evaluation: Any) -> list[float | None]:
    return [None if one == -1 else one for one in evaluation.stats.tolist()]


@pytest.mark.parametrize("case", CASES)
def test_figures_that_can_be_reckoned(case: str) -> None:
    pictures, expected = CASES[case]
    found = ap_of(pictures).as_dict()
    assert {name: found[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(100))
def test_every_number_is_pycocotools(seed: int) -> None:
    kind: Kind = "segm" if seed % 4 == 3 else "bbox"
    pictures = pictures_of(
        seed,
        whole=seed % 2 == 0,
        scores=(5, 10, 1000)[seed % 3],
        extent=120.0 if kind == "segm" else 400.0,
        most=300 if seed % 10 == 0 else 12,  # more than 100 of a label
    )
    figures = evaluated(ranked(sample_of(pictures, kind)))
    evaluation = oracle(pictures, kind)
    assert list(figures.stats.as_dict().values()) == values(evaluation)
    precision = evaluation.eval["precision"][..., 0, -1]  # of all areas
    present = precision[0, 0] > -1
    assert np.array_equal(figures.precision, precision[..., present])
    assert np.allclose(figures.ap, precision[..., present].mean(axis=(0, 1)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("threshold", [0.1, 0.33, 0.99, 1.0])
def test_curves_at_any_threshold_are_pycocotools(threshold: float) -> None:
    pictures = pictures_of(7, 20, whole=True)
    found = curves(ranked(sample_of(pictures), np.array([threshold])))
    evaluation = oracle(pictures, thresholds=np.array([threshold]))
    precision, recall = evaluation.eval["precision"][..., 0, -1], evaluation.eval["recall"][..., 0, :]
    present = precision[0, 0] > -1
    assert np.array_equal(found.precision, precision[..., present])
    assert np.array_equal(found.recall, np.moveaxis(recall[:, present], -1, 0))


@pytest.mark.parametrize("cuts", [(5,), (0, 0, 7), (1, 2, 3, 20)])
def test_parts_add_up_to_the_whole(cuts: tuple[int, ...]) -> None:
    pictures = pictures_of(11, 20, scores=4, whole=True)
    bounds = list(zip((0, *cuts), (*cuts, len(pictures)), strict=True))
    parts = [sample_of(pictures[first:last], first=first) for first, last in bounds]
    whole = evaluated(ranked(sample_of(pictures)))
    for figures in (
        evaluated(ranked(joined(parts))),
        evaluated(Ranked.joined(ranked(part) for part in parts)),
    ):
        assert (figures.stats, figures.labels, figures.ap) == (whole.stats, whole.labels, whole.ap)
        assert np.array_equal(figures.precision, whole.precision)


def test_more_labels_than_can_be_drawn_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [Picture([There(str(number), A) for number in range(3)])]
    monkeypatch.setattr("container.evaluation.coco.MAX_LABELS", 3)
    assert ap_of(pictures).AP == 0
    monkeypatch.setattr("container.evaluation.coco.MAX_LABELS", 2)
    with pytest.raises(TooManyLabels, match="over 2 labels have truth"):
        ap_of(pictures)


def test_thresholds_are_those_of_pycocotools() -> None:
    assert np.array_equal(THRESHOLDS, oracle([]).params.iouThrs)
