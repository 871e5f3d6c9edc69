"""Average precision of boxes and masks, as pycocotools' COCOeval measures it (https://cocodataset.org/#detection-eval).

Knows class numbers only, from 0; where a class has no truth, pycocotools' -1 becomes None.
"""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from container.evaluation.objects import Detections, Truth

MAX_DETECTIONS = 100  # of one class in one photo; the best are taken
# Places on the axes of COCOeval's arrays.
_IOU_50, _IOU_75 = 0, 5
_ALL, _SMALL, _MEDIUM, _LARGE = range(4)
_LARGEST = -1


@dataclass(frozen=True)
class Scores:
    """Averages over classes, and each class's own, 0–1; None where there is nothing to find."""

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
    """Which boxes met at IoU 0.50: D detections and T objects. Crowds, and what was found in them, are left out.

    Detections are matched from the best down, so that those over a threshold match as if there were no others.
    """

    photos: np.ndarray  # int64 D, place of the photo
    classes: np.ndarray  # int64 D
    scores: np.ndarray  # float D
    hits: np.ndarray  # bool D, met an object
    truth_photos: np.ndarray  # int64 T
    truth_classes: np.ndarray  # int64 T
    truth_boxes: np.ndarray  # float T×4 xyxy
    found_at: np.ndarray  # float T, score of the detection that met the object; -1 where none did


@dataclass(frozen=True)
class AveragePrecision:
    """How well objects were found."""

    box: Scores
    mask: Scores | None  # over the photos whose objects have masks; None without such photos, or without found masks
    matches: Matches


def average_precision(truth: Sequence[Truth], found: Sequence[Detections], class_count: int) -> AveragePrecision:
    """The figures over photos; `truth` and `found` hold one of each for every photo, of classes 0 … class_count - 1."""
    pairs = list(zip(truth, found, strict=True))
    boxes = _evaluated(pairs, class_count, "bbox")
    masked = [(one, other) for one, other in pairs if one.masks is not None and other.masks is not None]
    comparable = any(len(one.classes) for one, _ in masked)
    masks = _scores(_evaluated(masked, class_count, "segm")) if comparable else None
    return AveragePrecision(_scores(boxes), masks, _matches(boxes, truth))


def _evaluated(pairs: Sequence[tuple[Truth, Detections]], class_count: int, kind: Literal["bbox", "segm"]) -> COCOeval:
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports on every step
        evaluation = COCOeval(
            _coco([one for one, _ in pairs], [_truth(one, kind) for one, _ in pairs], class_count),
            _coco([one for one, _ in pairs], [_found(other, kind) for _, other in pairs], class_count),
            kind,
        )
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


def _coco(photos: Sequence[Truth], annotations: Sequence[Sequence[dict[str, Any]]], class_count: int) -> COCO:
    """Photos are numbered from 0, annotations from 1: COCOeval takes 0 for "no match"."""
    numbered = [{**one, "image_id": photo} for photo, several in enumerate(annotations) for one in several]
    data = COCO()
    data.dataset = {
        "images": [{"id": i, "height": one.image_size[0], "width": one.image_size[1]} for i, one in enumerate(photos)],
        "categories": [{"id": i} for i in range(class_count)],
        "annotations": [{**one, "id": i} for i, one in enumerate(numbered, 1)],
    }
    data.createIndex()
    return data


def _truth(truth: Truth, kind: str) -> list[dict[str, Any]]:
    given = _annotations(truth, kind)
    for one, area, crowd in zip(given, truth.areas.tolist(), truth.crowd.tolist(), strict=True):
        one |= {"area": area, "iscrowd": int(crowd)}
    return given


def _found(found: Detections, kind: str) -> list[dict[str, Any]]:
    given = _annotations(found, kind)
    for one, score in zip(given, found.scores.tolist(), strict=True):
        area = float(coco_mask.area(one["segmentation"])) if kind == "segm" else one["bbox"][2] * one["bbox"][3]
        one |= {"area": area, "score": score, "iscrowd": 0}
    return given


def _annotations(objects: Truth | Detections, kind: str) -> list[dict[str, Any]]:
    sizes = objects.boxes[:, 2:] - objects.boxes[:, :2]
    boxes = np.concatenate((objects.boxes[:, :2], sizes), axis=1).tolist()
    given: list[dict[str, Any]] = [
        {"category_id": number, "bbox": box} for number, box in zip(objects.classes.tolist(), boxes, strict=True)
    ]
    if kind == "segm":
        for one, mask in zip(given, objects.masks or (), strict=True):
            one["segmentation"] = mask
    return given


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


def _matches(evaluation: COCOeval, truth: Sequence[Truth]) -> Matches:
    score_of = {one["id"]: one["score"] for one in evaluation.cocoDt.dataset["annotations"]}
    box_of = dict(enumerate(np.concatenate([one.boxes for one in truth]), 1))
    detections, objects, boxes = [], [], []
    for one in evaluation.evalImgs:
        if one is None or one["aRng"] != evaluation.params.areaRng[_ALL]:
            continue
        place = (one["image_id"], one["category_id"])
        met, ignored = one["dtMatches"][_IOU_50] > 0, one["dtIgnore"][_IOU_50]
        detections += [
            (*place, score, hit) for score, hit, skip in zip(one["dtScores"], met, ignored, strict=True) if not skip
        ]
        by = one["gtMatches"][_IOU_50].astype(int)
        for number, finder, skip in zip(one["gtIds"], by.tolist(), one["gtIgnore"], strict=True):
            if not skip:
                objects.append((*place, score_of.get(finder, -1.0)))
                boxes.append(box_of[number])
    photos, classes, scores, hits = np.array(detections, float).reshape(-1, 4).T
    truth_photos, truth_classes, found_at = np.array(objects, float).reshape(-1, 3).T
    return Matches(
        photos=photos.astype(int),
        classes=classes.astype(int),
        scores=scores,
        hits=hits.astype(bool),
        truth_photos=truth_photos.astype(int),
        truth_classes=truth_classes.astype(int),
        truth_boxes=np.array(boxes, float).reshape(-1, 4),
        found_at=found_at,
    )
