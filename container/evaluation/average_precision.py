"""Average precision by pycocotools' COCOeval itself (https://cocodataset.org/#detection-eval), of a sample.

coco.py computes the same faster and of parts; this is what it is compared with, and what `container evaluate` prints.
Where a label has no truth, pycocotools' -1 becomes None.
"""

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from container.evaluation.sample import Sample, Side

MAX_DETECTIONS = 100  # of one class in one image; the best are taken
# Places on the axes of COCOeval's arrays.
_IOU_50, _IOU_75 = 0, 5
_ALL, _SMALL, _MEDIUM, _LARGE = range(4)
_LARGEST = -1


@dataclass(frozen=True)
class Scores:
    """Averages over labels, and each label's own, 0–1; None where there is nothing to find."""

    ap: float | None  # mean over IoU 0.50, 0.55, … 0.95
    ap50: float | None  # at IoU 0.50
    ap75: float | None
    ap_small: float | None  # objects under 32² pixels
    ap_medium: float | None
    ap_large: float | None  # from 96² pixels
    ar100: float | None  # recall of the best 100 detections, mean over the same IoUs
    class_ap: tuple[float | None, ...]
    class_ap50: tuple[float | None, ...]


@dataclass(frozen=True)
class Matches:
    """Which predictions met objects at IoU 0.50: D predictions and T objects. Crowds, and what was found in them, are
    left out.

    Predictions are matched from the best down, so that those over a threshold match as if there were no others.
    """

    photos: np.ndarray  # int64 D, place of the image
    classes: np.ndarray  # int64 D
    scores: np.ndarray  # float D
    hits: np.ndarray  # bool D, met an object
    truth: np.ndarray  # int64 T, place of the object in the sample
    truth_photos: np.ndarray  # int64 T
    truth_classes: np.ndarray  # int64 T
    found_at: np.ndarray  # float T, score of the prediction that met the object; -1 where none did


@dataclass(frozen=True)
class AveragePrecision:
    """How well objects were found."""

    scores: Scores
    matches: Matches


def average_precision(sample: Sample) -> AveragePrecision:
    """Return the figures of a sample; those of each label are in the order of its labels."""
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports on every step
        evaluation = _Compared(sample)
        evaluation.evaluate()
        evaluation.accumulate()
    return AveragePrecision(_scores(evaluation), _matches(evaluation, sample))


class _Compared(COCOeval):  # type: ignore[misc]  # which has no types
    """COCOeval with the IoUs of a sample's pairs. Objects are numbered from 1: it takes 0 for "no match"."""

    def __init__(self, sample: Sample) -> None:
        truth = _annotations(sample.truth, {"iscrowd": sample.truth.crowd.astype(int)})
        ranked = np.flatnonzero(~np.isnan(sample.found.score))
        found = _annotations(sample.found, {"score": sample.found.score, "iscrowd": np.zeros(len(sample.found), int)})
        super().__init__(_coco(sample, truth), _coco(sample, [found[i] for i in ranked.tolist()]), "bbox")
        pairs = sample.pairs
        own = sample.found.label[pairs.found] == sample.truth.label[pairs.truth]
        self._ious: dict[tuple[int, int], list[tuple[int, int, float]]] = {}
        places = sample.found.image[pairs.found[own]].tolist(), sample.found.label[pairs.found[own]].tolist()
        columns = (pairs.found[own] + 1).tolist(), (pairs.truth[own] + 1).tolist(), pairs.iou[own].tolist()
        for place, pair in zip(zip(*places, strict=True), zip(*columns, strict=True), strict=True):
            self._ious.setdefault(place, []).append(pair)

    def computeIoU(self, imgId: int, catId: int) -> Any:  # pycocotools' names
        """Return the IoUs of the best predictions, from the best down, with the truth of an image and a label."""
        truth, found = self._gts[imgId, catId], self._dts[imgId, catId]
        if not truth or not found:
            return []
        order = np.argsort([-one["score"] for one in found], kind="mergesort")[: self.params.maxDets[_LARGEST]]
        rows = {found[i]["id"]: row for row, i in enumerate(order.tolist())}
        columns = {one["id"]: column for column, one in enumerate(truth)}
        ious = np.zeros((len(rows), len(columns)))
        for prediction, thing, iou in self._ious.get((imgId, catId), ()):
            if prediction in rows:
                ious[rows[prediction], columns[thing]] = iou
        return ious


def _annotations(side: Side, more: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    columns = {"image_id": side.image, "category_id": side.label, "area": side.area, **more}
    columns["id"] = np.arange(1, len(side) + 1)
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _coco(sample: Sample, annotations: list[dict[str, Any]]) -> COCO:
    data = COCO()
    data.dataset = {
        "images": [{"id": i} for i in range(len(sample.images))],
        "categories": [{"id": i} for i in range(len(sample.labels))],
        "annotations": annotations,
    }
    data.createIndex()
    return data


def _scores(evaluation: COCOeval) -> Scores:
    precision = evaluation.eval["precision"][..., _LARGEST]  # IoU × recall × class × size
    recall = evaluation.eval["recall"][..., _LARGEST]  # IoU × class × size
    every = precision[..., _ALL]
    classes = range(every.shape[-1])
    return Scores(
        ap=_mean(every),
        ap50=_mean(every[_IOU_50]),
        ap75=_mean(every[_IOU_75]),
        ap_small=_mean(precision[..., _SMALL]),
        ap_medium=_mean(precision[..., _MEDIUM]),
        ap_large=_mean(precision[..., _LARGE]),
        ar100=_mean(recall[..., _ALL]),
        class_ap=tuple(_mean(every[..., i]) for i in classes),
        class_ap50=tuple(_mean(every[_IOU_50, :, i]) for i in classes),
    )


def _mean(values: np.ndarray) -> float | None:
    known = values[values > -1]
    return float(known.mean()) if known.size else None


def _matches(evaluation: COCOeval, sample: Sample) -> Matches:
    found: list[tuple[int, bool]] = []
    truth: list[tuple[int, float]] = []
    for one in evaluation.evalImgs:
        if one is None or one["aRng"] != evaluation.params.areaRng[_ALL]:
            continue
        met, ignored = one["dtMatches"][_IOU_50] > 0, one["dtIgnore"][_IOU_50]
        found += [(n - 1, hit) for n, hit, skip in zip(one["dtIds"], met, ignored, strict=True) if not skip]
        by = one["gtMatches"][_IOU_50].astype(int)
        for number, finder, skip in zip(one["gtIds"], by.tolist(), one["gtIgnore"], strict=True):
            if not skip:
                truth.append((number - 1, float(sample.found.score[finder - 1]) if finder else -1.0))
    predictions = np.array([place for place, _ in found], np.int64)
    objects = np.array([place for place, _ in truth], np.int64)
    return Matches(
        photos=sample.found.image[predictions],
        classes=sample.found.label[predictions],
        scores=sample.found.score[predictions],
        hits=np.array([hit for _, hit in found], bool),
        truth=objects,
        truth_photos=sample.truth.image[objects],
        truth_classes=sample.truth.label[objects],
        found_at=np.array([score for _, score in truth], float),
    )
