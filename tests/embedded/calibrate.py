"""One confidence that serves all classes: `python -m tests.embedded.calibrate MODEL HOLDOUT OUT`.

MODEL and OUT are folders of a Mask R-CNN as `train` and `tests.embedded.release` write them. The bias of each class is
shifted until its best threshold on the hold-out is 0.5, the default; a class whose answers are at no threshold right
often enough leaves the network. The order of a class's detections, and so its AP, stays the same, but for
objects that two classes claim.
"""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from container.engines import building
from container.engines.runtime import Runtime
from container.evaluation.average_precision import Matches, average_precision
from container.evaluation.detection import DetectionReport
from container.files import checksum
from container.models import artifact, packing
from container.structures import ModelSpec
from container.training import data
from container.training.evaluate import evaluate
from tests.embedded.release import without

CONFIDENCE = 0.5
# Each class is judged as if it had so many more objects, which are found like those of all classes together: the best
# threshold of three dogs is chance.
BORROWED = 10.0
LEAST_PRECISION = 0.5
LOWEST, HIGHEST = 0.1, 0.97
SCORES = "roi_heads.box_predictor.cls_score.bias"


def best_thresholds(matches: Matches, classes: int) -> list[float | None]:
    """The threshold of the best F1 of each class, of those from which on it is right often enough; None without any."""
    steps = np.arange(round(100 * LOWEST), round(100 * HIGHEST) + 1) / 100
    truth = np.bincount(matches.truth_classes, minlength=classes)
    found, hits = (
        np.array([(matches.scores[of & (matches.classes == one)][:, None] >= steps).sum(0) for one in range(classes)])
        for of in (np.ones(len(matches.scores), bool), matches.hits)
    )
    borrowed = BORROWED / max(truth.sum(), 1)
    found, hits, truth = (own + borrowed * own.sum(0) for own in (found, hits, truth))
    f1 = np.where(hits >= LEAST_PRECISION * found, 2 * hits / (found + truth[:, None]), 0)
    return [float(steps[row.argmax()]) if row.any() else None for row in f1]


def shifted(state: dict[str, torch.Tensor], thresholds: list[float]) -> None:
    """Shift the bias of each class so that what had its threshold for a score has CONFIDENCE against the background."""
    wanted = math.log(CONFIDENCE / (1 - CONFIDENCE))
    shifts = torch.tensor([0.0, *(wanted - math.log(one / (1 - one)) for one in thresholds)])
    state[SCORES] = (state[SCORES].float() + shifts).to(state[SCORES].dtype)


def measured(spec: ModelSpec, holdout: Path) -> DetectionReport:
    """What a model finds on the hold-out."""
    engine = building.load(spec, Runtime(torch.device("cpu"), torch.float32))
    report = evaluate(engine, data.joined(data.read(holdout)))
    assert isinstance(report, DetectionReport)
    return report


def calibrate(model: Path, holdout: Path, out: Path) -> None:
    """Write the calibrated model into `out`."""
    with artifact.opened(model) as spec:
        report = measured(spec, holdout)
        labels = report.subject.labels
        matches = average_precision(report.samples["box"]).matches
        best = dict(zip(labels, best_thresholds(matches, len(labels)), strict=True))
        thresholds = {i: one for i, label in enumerate(spec.labels) if (one := best.get(label)) is not None}
        kept = [0, *thresholds]
        state = without(safetensors.torch.load_file(str(spec.weights)), kept)
        names = tuple(spec.labels[i] for i in kept)
        shifted(state, list(thresholds.values()))
        spec = replace(spec, labels=names, options=replace(spec.options, confidence=CONFIDENCE))
        out.mkdir(parents=True, exist_ok=True)
        (out / artifact.WEIGHTS).write_bytes(safetensors.torch.save(state))
    (out / artifact.DESCRIPTION).write_text(packing.describe(spec, checksum(out / artifact.WEIGHTS)), encoding="utf-8")
    print("; ".join(f"{label} {'left out' if one is None else one}" for label, one in best.items()))


if __name__ == "__main__":
    calibrate(*map(Path, sys.argv[1:]))
