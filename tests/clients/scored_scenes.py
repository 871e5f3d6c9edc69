"""Random scenes for the clients of an environment that has no pycocotools, and what pycocotools says of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pycocotools.cocoeval import COCOeval

from tests.evaluation.samples import SIZE, Kind, Picture, Seen, There, oracle, pictures_of

ALLOWED = ("cat", "bee")  # a label of ground truth, and one that only predictions have
FILTER = {"labels": ["cat", "dog"], "confidence": 0.5}  # of both sides; and only scenes of even number
STATS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
THRESHOLDS = {"0.5": 0, "0.75": 5}  # and their places among COCO's
LAST = -1.0  # a score below all others

Scenes = list[Picture]


def scored_scenes() -> dict[str, Any]:
    """Objects of pictures, and the figures of their boxes and of their polygons as they are, mapped, filtered …"""
    pictures = pictures_of(109, 32, scores=20)  # with objects of all sizes, and without any
    labelled = [one if one.truth else Picture() for one in pictures]  # a benchmark has no others
    ways: dict[str, tuple[Scenes, Sequence[Kind]]] = {
        "all": (pictures, ("bbox", "segm")),
        "all mapped": (_mapped(pictures), ("bbox", "segm")),
        "all filtered": (_filtered(pictures), ("bbox",)),
        "labelled": (labelled, ("bbox", "segm")),
        "labelled mapped": (_mapped(labelled), ("bbox",)),
        "labelled filtered": (_filtered(labelled), ("bbox",)),
        "labelled chosen": (_even(_found(labelled, lambda one: one.label != "bee")), ("bbox",)),
        "labelled in one class": (_renamed(labelled, lambda label: "object"), ("bbox",)),
    }
    return {
        "size": SIZE,
        "allowed": ALLOWED,
        "filter": FILTER,
        "pictures": [[_objects(one.truth), _objects(one.found)] for one in pictures],
        "wanted": {name: {kind: _figures(some, kind) for kind in kinds} for name, (some, kinds) in ways.items()},
    }


def _found(pictures: Scenes, kept: Callable[[Seen], bool]) -> Scenes:
    return [replace(one, found=[seen for seen in one.found if kept(seen)]) for one in pictures]


def _even(pictures: Scenes) -> Scenes:
    return [Picture() if i % 2 else one for i, one in enumerate(pictures)]


def _renamed(pictures: Scenes, name: Callable[[str], str]) -> Scenes:
    return [
        Picture(
            [replace(there, label=name(there.label)) for there in one.truth],
            [replace(seen, label=name(seen.label)) for seen in one.found],
        )
        for one in pictures
    ]


def _mapped(pictures: Scenes) -> Scenes:
    truth, found = ALLOWED
    return _renamed(pictures, lambda label: truth if label == found else label)


def _filtered(pictures: Scenes) -> Scenes:
    labels, confidence = FILTER["labels"], FILTER["confidence"]
    left = _found(_even(pictures), lambda one: one.label in labels and one.score >= confidence)
    return [replace(one, truth=[there for there in one.truth if there.label in labels]) for one in left]


def _objects(objects: Sequence[There] | Sequence[Seen]) -> list[dict[str, Any]]:
    """As the driver reads them; polygons are triangles in the boxes, see `tests.evaluation.samples`."""
    found = []
    for one in objects:
        x, y, w, h = one.box
        score = one.score if isinstance(one, Seen) and not np.isnan(one.score) else None
        crowd = isinstance(one, There) and one.crowd
        triangle = [[x, y], [x + w, y], [x + w / 2, y + h]]
        found.append({"label": one.label, "box": one.box, "triangle": triangle, "score": score, "crowd": crowd})
    return found


def _figures(pictures: Scenes, kind: Kind) -> dict[str, Any]:
    ranked = oracle(pictures, kind)
    precision = ranked.eval["precision"][..., 0, -1]  # thresholds × recalls × labels
    found = [one for picture in pictures for one in picture.found]
    objects = Counter(one.label for picture in pictures for one in picture.truth if not one.crowd)
    labels = sorted({one.label for picture in pictures for one in (*picture.truth, *picture.found)})
    places = {label: i for i, label in enumerate(labels) if precision[0, 0, i] > -1}
    predictions = Counter(one.label for one in found)
    scores = [one.score for one in found if not np.isnan(one.score)]
    return {
        "stats": {
            name: None if value == -1 else value for name, value in zip(STATS, ranked.stats.tolist(), strict=True)
        },
        "per_class": [
            {
                "label": label,
                "ap": float(precision[:, :, places[label]].mean()) if label in places else None,
                "ap50": float(precision[0, :, places[label]].mean()) if label in places else None,
                "objects": objects[label],
                "predictions": predictions[label],
            }
            for label in labels
            if objects[label] or predictions[label]
        ],
        "at": {text: _counts(pictures, kind, float(text)) for text in THRESHOLDS},
        "curves": {
            text: {label: precision[place, :, i].tolist() for label, i in places.items()}
            for text, place in THRESHOLDS.items()
        },
        "histogram": np.histogram(scores, np.arange(21) / 20)[0].tolist(),
    }


def _counts(pictures: Scenes, kind: Kind, threshold: float) -> dict[str, Any]:
    """Count what is right and wrong; predictions without a score come last."""
    every = [
        Picture(one.truth, [replace(seen, score=LAST) if np.isnan(seen.score) else seen for seen in one.found])
        for one in pictures
    ]
    evaluation: COCOeval = oracle(every, kind, np.array([threshold]))
    labels = sorted({one.label for picture in every for one in (*picture.truth, *picture.found)})
    right, wrong, objects = 0, 0, 0
    counted: Counter[str] = Counter()  # predictions that are in no crowd
    for image in evaluation.evalImgs:
        if image is None or image["aRng"] != evaluation.params.areaRng[0]:
            continue
        matched = image["dtMatches"][0][~image["dtIgnore"][0]] > 0
        right += int(matched.sum())
        wrong += int((~matched).sum())
        objects += int((image["gtIgnore"] == 0).sum())
        counted[labels[image["category_id"]]] += len(matched)
    return {"counts": {"tp": right, "fp": wrong, "fn": objects - right}, "predictions": dict(counted)}
