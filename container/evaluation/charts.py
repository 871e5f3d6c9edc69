"""The figures of a sample as JSON: metrics in few numbers, charts as Nucleus's client reads them.

charts(sample, 0.5)["mapSummary"]["mapAt5095"]
"""

from typing import Any

import numpy as np

from container.evaluation.coco import RECALLS, THRESHOLDS, Figures, curves, evaluated, ranked
from container.evaluation.outcomes import Outcomes, confusion, outcomes
from container.evaluation.sample import Sample

_BUCKETS = 20  # of scores


def metrics(sample: Sample) -> dict[str, Any]:
    """Return COCO's twelve numbers, those of each label, and what is right and wrong at IoU 0.5.

    Objects are those without crowds. Predictions without a score are counted here and not ranked.
    """
    figures = evaluated(ranked(sample))
    tp, fp, fn = outcomes(sample, 0.5).counts()
    ap, ap50 = (dict(zip(figures.labels, values, strict=True)) for values in (figures.ap, figures.ap50))
    objects = np.bincount(sample.truth.label[~sample.truth.crowd], minlength=len(sample.labels)).tolist()
    predictions = np.bincount(sample.found.label, minlength=len(sample.labels)).tolist()
    return {
        "stats": figures.stats.as_dict(),
        "per_class": [
            {"label": label, "ap": ap.get(label), "ap50": ap50.get(label), "objects": there, "predictions": seen}
            for label, there, seen in sorted(zip(sample.labels, objects, predictions, strict=True))
            if there or seen
        ],
        "counts": {"tp": tp, "fp": fp, "fn": fn},
    }


def charts(sample: Sample, threshold: float, rows: Outcomes | None = None) -> dict[str, Any]:
    """Return all charts, with counts at an IoU threshold; `rows` are the outcomes to count if not those of the sample.

    Means of precision are over IoU 0.50 to 0.95, whatever the threshold.
    """
    rows = outcomes(sample, threshold) if rows is None else rows
    figures = evaluated(ranked(sample))
    stats = figures.stats
    tp, fp, fn = rows.counts()
    scores = sample.found.score[~np.isnan(sample.found.score)]
    return {
        "mapSummary": {"mapAt50": stats.AP50, "mapAt75": stats.AP75, "mapAt5095": stats.AP},
        "perClassAp": [{"classLabel": label, "ap": ap} for label, ap in zip(figures.labels, figures.ap, strict=True)],
        "confusionMatrix": [
            {"gtLabel": there, "predLabel": seen, "count": count} for there, seen, count in confusion(sample, threshold)
        ],
        "scoreHistogram": _histogram(scores),
        "computedIouRanges": THRESHOLDS.tolist(),
        "totalCounts": {"tp": tp, "fp": fp, "fn": fn, "predsWithConfidence": len(scores)},
        "apBySize": {"small": stats.APs, "medium": stats.APm, "large": stats.APl},
        "prCurve": _precision_recall(sample, figures, threshold),
        "tideAttribution": rows.tide(),
    }


def _histogram(scores: np.ndarray) -> list[dict[str, float]]:
    """Return buckets that hold their lower end; the last holds 1, too."""
    edges = np.arange(_BUCKETS + 1) / _BUCKETS
    places = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, _BUCKETS - 1)
    counts = np.bincount(places, minlength=_BUCKETS).tolist()
    return [
        {"bucketMin": low, "bucketMax": high, "count": count}
        for low, high, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts, strict=True)
    ]


def _precision_recall(sample: Sample, figures: Figures, threshold: float) -> list[dict[str, Any]]:
    known = THRESHOLDS.tolist()
    if threshold in known:
        precision = figures.precision[known.index(threshold)]
    else:
        precision = curves(ranked(sample, np.array([threshold]))).precision[0]
    recalls = RECALLS.tolist()
    return [
        {"classLabel": label, "recall": recall, "precision": value}
        for label, values in zip(figures.labels, precision.T.tolist(), strict=True)
        for recall, value in zip(recalls, values, strict=True)
    ]
