"""Samples out of tiny literals and out of random pictures, and what pycocotools says of them."""

import contextlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from container.evaluation.sample import LOWEST_IOU, Pairs, Sample, Side

Box = tuple[float, float, float, float]  # x, y, width, height
NO_SCORE = math.nan
SIZE = 120  # width and height of every picture whose objects are masks


@dataclass(frozen=True)
class Placed:
    """What both sides have."""

    label: str
    box: Box


@dataclass(frozen=True)
class There(Placed):
    """An object of the truth."""

    crowd: bool = False


@dataclass(frozen=True)
class Seen(Placed):
    """A prediction."""

    score: float = NO_SCORE


@dataclass(frozen=True)
class Picture:
    """What is in one picture and what was found in it."""

    truth: Sequence[There] = ()
    found: Sequence[Seen] = field(default=())


Kind = Literal["bbox", "segm"]


def sample_of(pictures: Sequence[Picture], kind: Kind = "bbox", first: int = 0) -> Sample:
    """The sample of pictures; images have the numbers from `first`, objects and predictions keys from 1."""
    labels = tuple(dict.fromkeys(one.label for picture in pictures for one in (*picture.truth, *picture.found)))
    sides: dict[str, dict[str, list[Any]]] = {
        name: {"image": [], "label": [], "area": []} for name in ("truth", "found")
    }
    pairs: list[tuple[int, int, float]] = []
    for place, picture in enumerate(pictures):
        starts = {name: len(side["image"]) for name, side in sides.items()}
        shapes = {}
        for name, objects in (("truth", picture.truth), ("found", picture.found)):
            shapes[name] = _shapes(objects, kind)
            sides[name]["image"] += [place] * len(objects)
            sides[name]["label"] += [labels.index(one.label) for one in objects]
            sides[name]["area"] += _areas(shapes[name], kind)
        if picture.truth and picture.found:
            ious = coco_mask.iou(shapes["found"], shapes["truth"], [int(one.crowd) for one in picture.truth])
            pairs += [
                (starts["found"] + i, starts["truth"] + j, ious[i, j]) for i, j in np.argwhere(ious >= LOWEST_IOU)
            ]
    scores = [one.score for picture in pictures for one in picture.found]
    crowd = [one.crowd for picture in pictures for one in picture.truth]
    columns = list(zip(*pairs, strict=True)) or [(), (), ()]
    return Sample(
        labels,
        np.arange(first, first + len(pictures)),
        _side(sides["truth"], [NO_SCORE] * len(crowd), crowd),
        _side(sides["found"], scores, [False] * len(scores)),
        Pairs(np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], float)),
    )


def _labels(pictures: Sequence[Picture]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.label for picture in pictures for one in (*picture.truth, *picture.found)))


def _shapes(objects: Sequence[Placed], kind: Kind) -> list[Any]:
    if kind == "bbox":
        return [list(one.box) for one in objects]
    outlines = [[[x, y, x + w, y, x + w / 2, y + h]] for x, y, w, h in (one.box for one in objects)]  # triangles
    return [coco_mask.merge(coco_mask.frPyObjects(one, SIZE, SIZE)) for one in outlines]


def _areas(shapes: Sequence[Any], kind: Kind) -> list[float]:
    return [float(one[2] * one[3] if kind == "bbox" else coco_mask.area(one)) for one in shapes]


def _side(side: dict[str, list[Any]], scores: Sequence[float], crowd: Sequence[bool]) -> Side:
    label = np.array(side["label"], np.int64)
    return Side(
        image=np.array(side["image"], np.int64),
        raw=label,
        label=label,
        area=np.array(side["area"], float),
        key=np.arange(1, len(label) + 1),
        score=np.array(scores, float),
        crowd=np.array(crowd, bool),
    )


def oracle(pictures: Sequence[Picture], kind: Kind = "bbox", thresholds: np.ndarray | None = None) -> COCOeval:
    """pycocotools' own evaluation of them, summarized if the thresholds are COCO's."""
    labels = sorted(_labels(pictures))
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(
            _coco(labels, [picture.truth for picture in pictures], kind),
            _coco(labels, [picture.found for picture in pictures], kind),
            kind,
        )
        if thresholds is not None:
            evaluation.params.iouThrs = thresholds
        evaluation.evaluate()
        evaluation.accumulate()
        if thresholds is None:
            evaluation.summarize()
    return evaluation


def _coco(labels: Sequence[str], objects: Sequence[Sequence[Placed]], kind: Kind) -> COCO:
    annotations = []
    for image, several in enumerate(objects):
        shapes = _shapes(several, kind)
        for one, shape, area in zip(several, shapes, _areas(shapes, kind), strict=True):
            row: dict[str, Any] = {
                "image_id": image,
                "category_id": labels.index(one.label),
                "area": area,
                "iscrowd": 0,
            }
            row |= {"bbox": list(one.box)} if kind == "bbox" else {"segmentation": shape}
            if isinstance(one, There):
                annotations.append(row | {"iscrowd": int(one.crowd)})
            elif isinstance(one, Seen) and not math.isnan(one.score):
                annotations.append(row | {"score": one.score})
    data = COCO()
    data.dataset = {
        "images": [{"id": image, "height": SIZE, "width": SIZE} for image in range(len(objects))],
        "categories": [{"id": number} for number in range(len(labels))],
        "annotations": [{**row, "id": number} for number, row in enumerate(annotations, 1)],  # 0 means "no match"
    }
    data.createIndex()
    return data


def pictures_of(
    seed: int,
    count: int = 12,
    *,
    scores: int = 8,
    whole: bool = False,
    crowds: bool = True,
    unscored: bool = True,
    extent: float = 120.0,
    most: int = 12,
) -> list[Picture]:
    """Random pictures: objects of all sizes, predictions near them with `scores` different scores, and others.

    With `whole` all coordinates are multiples of 10, so that many IoUs are equal.
    """
    numbers = np.random.default_rng(seed)
    labels = ["cat", "ape", "dog", "bee"]

    def box() -> Box:
        x, y = numbers.uniform(0, extent * 0.6, 2)
        w, h = numbers.uniform(4, extent - np.array([x, y])) * numbers.choice([0.3, 1.0])
        return rounded((x, y, w, h))

    def rounded(one: Sequence[float]) -> Box:
        x, y, w, h = (max(10 * round(v / 10), 0) for v in one) if whole else one
        return (x, y, max(w, 10), max(h, 10)) if whole else (x, y, max(w, 1.0), max(h, 1.0))

    def near(one: Box) -> Box:
        return rounded(np.array(one) + numbers.normal(0, 1, 4) * max(one[2], one[3]) * numbers.choice([0, 0.03, 0.15]))

    def score() -> float:
        return NO_SCORE if unscored and numbers.random() < 0.05 else float(numbers.integers(0, scores + 1) / scores)

    pictures = []
    for _ in range(count):
        truth = [
            There(str(numbers.choice(labels[:3])), box(), crowds and bool(numbers.random() < 0.1))
            for _ in range(numbers.integers(0, 8))
        ]
        found = [Seen(str(numbers.choice(labels)), box(), score()) for _ in range(numbers.integers(0, most))]
        for one in truth:
            for _ in range(numbers.integers(0, 4)):
                label = one.label if numbers.random() < 0.8 else str(numbers.choice(labels))
                found.append(Seen(label, near(one.box), score()))
        pictures.append(Picture(truth, [found[i] for i in numbers.permutation(len(found))]))
    return pictures
