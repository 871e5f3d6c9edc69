"""Labelled photos and what was found in them as samples, of boxes and of masks."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pycocotools import mask as coco

from container.evaluation.geometry import Overlap, box_overlaps, mask_overlaps
from container.evaluation.objects import Detections, Truth
from container.evaluation.sample import LOWEST_IOU, Pairs, Sample, Side, starts

Kind = Literal["box", "mask"]
OF_REPORTS: dict[str, Kind] = {"bbox": "box", "segm": "mask"}  # what COCO's kinds are called in figures


def samples(truth: Sequence[Truth], found: Sequence[Detections], labels: Sequence[str]) -> dict[Kind, Sample]:
    """Return the samples of photos, one of each for every photo, whose classes are places of `labels`.

    That of masks is of the photos whose objects all have one; it is missing if there is no such object, or if nothing
    is found with a mask. Images are the places of photos.
    """
    places = [
        i for i, (one, other) in enumerate(zip(truth, found, strict=True)) if None not in (one.masks, other.masks)
    ]
    kinds: dict[Kind, Sample] = {"box": _sample(truth, found, labels, "box", range(len(truth)))}
    if any(len(truth[i].classes) for i in places):
        kinds["mask"] = _sample([truth[i] for i in places], [found[i] for i in places], labels, "mask", places)
    return kinds


def _sample(
    truth: Sequence[Truth], found: Sequence[Detections], labels: Sequence[str], kind: Kind, places: Sequence[int]
) -> Sample:
    before = zip(starts([len(one.classes) for one in found]), starts([len(one.classes) for one in truth]), strict=True)
    overlaps = [_overlap(*one, kind) for one in zip(truth, found, strict=True)]
    near = [one.iou >= LOWEST_IOU for one in overlaps]
    columns = [
        (one.found[kept] + of_found, one.truth[kept] + of_truth, one.iou[kept])
        for one, kept, (of_found, of_truth) in zip(overlaps, near, before, strict=True)
    ]
    none = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    crowd = [one.crowd for one in truth]
    scores = [one.scores for one in found]
    return Sample(
        tuple(labels),
        np.array(places, np.int64),
        _side(truth, [one.areas for one in truth], [np.full(len(one), np.nan) for one in crowd], crowd),
        _side(found, [_areas(one, kind) for one in found], scores, [np.zeros(len(one), bool) for one in scores]),
        Pairs(*(np.concatenate(column) for column in zip(none, *columns, strict=True))),
    )


def _side(
    objects: Sequence[Truth] | Sequence[Detections],
    areas: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    crowd: Sequence[np.ndarray],
) -> Side:
    image = np.repeat(np.arange(len(objects)), [len(one.classes) for one in objects])
    label = np.concatenate([np.zeros(0, np.int64), *(one.classes for one in objects)])
    return Side(
        image=image,
        raw=label,
        label=label,
        area=np.concatenate([np.zeros(0), *areas]),
        key=np.zeros(len(label), np.int64),
        score=np.concatenate([np.zeros(0), *scores]),
        crowd=np.concatenate([np.zeros(0, bool), *crowd]),
    )


def _overlap(truth: Truth, found: Detections, kind: Kind) -> Overlap:
    if kind == "mask":
        return mask_overlaps(found.masks or (), truth.masks or (), truth.crowd)
    return box_overlaps(_placed(found.boxes), _placed(truth.boxes), truth.crowd)


def _placed(boxes: np.ndarray) -> np.ndarray:
    """Return boxes as x, y, width, height."""
    return np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), axis=1)


def _areas(found: Detections, kind: Kind) -> np.ndarray:
    if kind == "mask":
        return np.asarray(coco.area(list(found.masks)), float) if found.masks else np.zeros(0)
    return np.asarray((found.boxes[:, 2:] - found.boxes[:, :2]).prod(axis=1))
