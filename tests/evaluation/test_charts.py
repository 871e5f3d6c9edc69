"""The JSON of figures: by hand, and that its parts agree with each other."""

import json
import math
from typing import Any

import numpy as np
import pytest

from container.evaluation.charts import charts, metrics
from container.evaluation.coco import evaluated, ranked
from container.evaluation.outcomes import confusion, outcomes
from container.evaluation.sample import joined
from tests.evaluation.samples import NO_SCORE, Picture, Seen, There, oracle, pictures_of, sample_of

A, B = (0, 0, 100, 100), (150, 50, 100, 100)
TALL = (0, 0, 100, 72)  # IoU with A: 0.72
PICTURES = [
    Picture([There("cat", A), There("ape", B)], [Seen("cat", TALL, 0.45), Seen("ape", B), Seen("dog", B, 1.0)]),
    Picture([There("ape", B, crowd=True)], [Seen("ape", B, 0.2)]),
]


def about(value: float) -> Any:
    """pycocotools adds the smallest difference from 1 to what it divides by: 1 is a little less."""
    return pytest.approx(value, abs=1e-12)


def test_metrics_by_hand() -> None:
    found = metrics(sample_of(PICTURES))
    assert found["counts"] == {"tp": 2, "fp": 1, "fn": 0}
    assert found["per_class"] == [
        {"label": "ape", "ap": 0.0, "ap50": 0.0, "objects": 1, "predictions": 2},  # found, but without a score
        {"label": "cat", "ap": about(0.5), "ap50": about(1), "objects": 1, "predictions": 1},
        {"label": "dog", "ap": None, "ap50": None, "objects": 0, "predictions": 1},
    ]
    assert found["stats"]["AP"] == about(0.25)


def test_charts_by_hand() -> None:
    found = charts(sample_of(PICTURES), 0.5)
    assert found["mapSummary"] == {"mapAt50": about(0.5), "mapAt75": 0.0, "mapAt5095": about(0.25)}
    assert found["perClassAp"] == [{"classLabel": "ape", "ap": 0.0}, {"classLabel": "cat", "ap": about(0.5)}]
    assert [tuple(cell.values()) for cell in found["confusionMatrix"]] == [
        ("ape", "dog", 1),
        ("cat", "cat", 1),
        ("(none)", "ape", 1),
    ]
    assert found["totalCounts"] == {"tp": 2, "fp": 1, "fn": 0, "predsWithConfidence": 3}
    assert [one["count"] for one in found["scoreHistogram"]] == [0] * 4 + [1] + [0] * 4 + [1] + [0] * 9 + [1]
    assert found["apBySize"] == {"small": None, "medium": None, "large": about(0.25)}
    assert found["computedIouRanges"] == [about(0.5 + 0.05 * i) for i in range(10)]
    assert [tuple(one.values()) for one in found["prCurve"]] == [
        (label, about(i / 100), about(precision))
        for label, precision in (("ape", 0.0), ("cat", 1.0))
        for i in range(101)
    ]
    nothing = dict.fromkeys(["localization", "both", "duplicate", "background", "missed"], 0)
    assert found["tideAttribution"] == nothing | {"truePositive": 2, "classification": 1}


def test_nothing_at_all() -> None:
    found = charts(joined([]), 0.5)
    assert found["totalCounts"] == {"tp": 0, "fp": 0, "fn": 0, "predsWithConfidence": 0}
    assert found["mapSummary"] == {"mapAt50": None, "mapAt75": None, "mapAt5095": None}
    assert not found["perClassAp"] and not found["prCurve"] and not found["confusionMatrix"]
    assert metrics(joined([]))["per_class"] == []


def test_a_label_called_none_is_no_missing_partner() -> None:
    picture = Picture([There("(none)", A)], [Seen("((none))", A, 0.9), Seen("none", B, 0.8), Seen("(none)", B, 0.7)])
    sample = sample_of([picture])
    assert [tuple(cell.values()) for cell in charts(sample, 0.5)["confusionMatrix"]] == [
        ("((none))", "(((none)))", 1),
        ("(none)", "((none))", 1),
        ("(none)", "none", 1),
    ]


@pytest.mark.parametrize("edge", [i / 20 for i in range(20)])
def test_buckets_hold_their_lower_end(edge: float) -> None:
    scores = [edge, math.nextafter(edge, 2), NO_SCORE]
    picture = Picture([], [Seen("cat", A, score) for score in scores])
    buckets = charts(sample_of([picture]), 0.5)["scoreHistogram"]
    assert [one["bucketMin"] for one in buckets if one["count"]] == [edge]


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.6, 0.62, 0.95, 1.0])
def test_charts_agree_with_each_other(threshold: float) -> None:
    sample = sample_of(pictures_of(5, 25, whole=True, extent=300))
    found = charts(sample, threshold)
    totals, tide = found["totalCounts"], found["tideAttribution"]
    assert tide["truePositive"] == totals["tp"]
    assert sum(tide.values()) - tide["truePositive"] - tide["missed"] == totals["fp"]
    assert tide["missed"] <= totals["fn"]
    matrix = found["confusionMatrix"]
    assert sum(one["count"] for one in matrix if one["predLabel"] != "(none)") == totals["tp"] + totals["fp"]
    assert sum(one["count"] for one in matrix if one["gtLabel"] != "(none)") == totals["tp"] + totals["fn"]
    assert sum(one["count"] for one in found["scoreHistogram"]) == totals["predsWithConfidence"]
    own = [one["ap"] for one in found["perClassAp"]]
    assert sum(own) / len(own) == about(found["mapSummary"]["mapAt5095"])
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("threshold", [0.5, 0.55, 0.6, 0.62, 0.7])
def test_the_curve_is_pycocotools(threshold: float) -> None:
    pictures = pictures_of(9, 20, scores=5)
    precision = oracle(pictures, thresholds=np.array([threshold])).eval["precision"][0, :, :, 0, -1]
    expected = precision[:, precision[0] > -1].T.ravel().tolist()
    assert [one["precision"] for one in charts(sample_of(pictures), threshold)["prCurve"]] == expected


def test_pictures_in_another_order_have_the_same_figures() -> None:
    pictures = pictures_of(2, 20, scores=10**9, unscored=False)  # equal scores would be in another order
    assert charts(sample_of(pictures), 0.5) == charts(sample_of(pictures[::-1]), 0.5)


def test_figures_do_not_know_what_labels_are_called() -> None:
    sample = sample_of(pictures_of(4, 20))
    names = {label: f"b{label}" for label in sample.labels}  # in the same order, in which means are taken
    other = sample.relabelled(names, names)
    assert evaluated(ranked(other)).stats == evaluated(ranked(sample)).stats
    assert outcomes(other, 0.5).tide() == outcomes(sample, 0.5).tide()
    renamed = [(names.get(there, there), names.get(seen, seen), count) for there, seen, count in confusion(sample, 0.5)]
    assert confusion(other, 0.5) == renamed
    same = {label: label for label in sample.labels}
    assert charts(sample.relabelled(same, same), 0.5) == charts(sample, 0.5)


def test_moving_everything_changes_nothing() -> None:
    def moved(one: There | Seen) -> tuple[float, float, float, float]:
        x, y, w, h = one.box
        return (x + 64, y + 32, w, h)

    pictures = pictures_of(6, 15, whole=True)  # whole numbers, whose differences are exact
    shifted = [
        Picture(
            [There(one.label, moved(one), one.crowd) for one in picture.truth],
            [Seen(one.label, moved(one), one.score) for one in picture.found],
        )
        for picture in pictures
    ]
    assert charts(sample_of(shifted), 0.5) == charts(sample_of(pictures), 0.5)


def test_false_ones_with_lower_scores_and_far_away_only_add_false_positives() -> None:
    pictures = pictures_of(8, 15, scores=9, unscored=False)
    more = [Picture(one.truth, [*one.found, Seen("cat", (5000, 5000, 9, 9), -0.0)]) for one in pictures]
    one, other = metrics(sample_of(pictures)), metrics(sample_of(more))
    assert other["counts"] == one["counts"] | {"fp": one["counts"]["fp"] + len(pictures)}
    assert other["stats"]["AR100"] == one["stats"]["AR100"] and other["stats"]["AP"] <= one["stats"]["AP"]
