"""What leaderboards rank evaluations by: average precision, and how good they are from each confidence on."""

from typing import Any

import numpy as np

from container.evaluation.charts import metrics
from container.evaluation.outcomes import FN, KINDS, TP, outcomes
from container.evaluation.sample import Sample

_STEPS = 101  # confidences 0.00, 0.01 … 1.00
_IOU = 0.5


def summary(sample: Sample) -> dict[str, Any]:
    """Return COCO's means, and a curve: for each confidence [confidence, precision, recall, F1] at IoU 0.5.

    A value without a meaning is None: precision where nothing is predicted, recall and F1 without truth.
    """
    rows = outcomes(sample, _IOU)
    objects = int((~sample.truth.crowd).sum())
    predicted = rows.kind != KINDS.index(FN)
    scores = sample.found.score[rows.found[predicted]]
    right = rows.kind[predicted] == KINDS.index(TP)
    curve = []
    for confidence in (np.arange(_STEPS) / (_STEPS - 1)).tolist():
        said = scores >= confidence  # those without a score are never
        tp, number = int((said & right).sum()), int(said.sum())
        curve.append(
            [
                confidence,
                tp / number if number else None,
                tp / objects if objects else None,
                2 * tp / (number + objects) if objects else None,
            ]
        )
    return {"summary": metrics(sample)["stats"], "curve": curve}
