"""What the embedded model learns many classes from: `python -m tests.embedded.teachers MATERIAL LABELS OUT`.

LABELS is what `tests.embedded.labels` wrote. Written are COCO folders whose photos are links into MATERIAL: train/* and
holdout. Labels are true where there are any, else a teacher's; their `score` is then the share of the teacher's labels
of that score that are right. Photos with good masks for all that the material labels are there twice, in SET_masks too.
"""

import copy
import json
import random
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.embedded.labels import SETS, overlap

# Of the groups of extra_many those with a licence that lets a model be shipped, VOC's photos, which like COCO's are
# Flickr's, and ImageNet's, which the features have seen before. Left out: other sets for research alone (kaggle_cd,
# natural), and what states nothing (office, food).
GROUPS = ("voc4", "vehicles", "cattle", "ships", "rooms", "openimages_packt", "bottles", "imagenet1k")
# Classes of which a set's true labels are complete: what the teacher finds besides is wrong.
COMPLETE = {
    "coco_boxes": (1,),
    "extra_ccp": (1,),
    "extra_feralcat": (17,),
    "extra_caltech_animals": (16, 22),
    "extra_carside": (3,),
}
ANIMALS = range(16, 26)
HOLDOUT_PHOTOS = 150

Points = Sequence[tuple[float, float]]
# Score of a teacher's box → share of those boxes that are right: on 152 COCO photos outside of the hold-out, and by eye
# on photos of one thing close by, where it knows better.
RIGHT_ON_COCO: Points = (
    *((0.2, 0.05), (0.27, 0.1), (0.32, 0.18), (0.37, 0.21), (0.45, 0.3)),
    *((0.55, 0.6), (0.65, 0.7), (0.75, 0.84), (0.87, 0.99)),
)
RIGHT_CLOSE_BY: Points = ((0.2, 0.1), (0.27, 0.2), (0.35, 0.45), (0.45, 0.65), (0.55, 0.85), (0.7, 0.95), (0.85, 0.99))
SAME = 0.5  # IoU with a true box from which on a teacher's is of the same object

# Where an object of more than this share of the photo has a mask that is worse than this, the photo teaches boxes only.
LARGE, LEAST_FIT, LEAST_ESTIMATE = 0.01, 0.75, 0.92
LEAST_OBJECTS = 40.0  # of a class, each by its `score`
KNOWN_BEFORE = (23, 24, 25)  # bear, zebra and giraffe, of which there are fewer

Coco = dict[str, Any]


def prepare(material: Path, labels: Path, out: Path) -> None:
    """Write train/{coco_mini,coco_boxes,coco_boxes_masks,extra_…} and holdout."""
    mini = _read(material, "coco_mini", "instances.json")
    held = set(holdout_ids(mini["images"]))
    data = {"coco_mini": part(mini, {i["id"] for i in mini["images"]} - held)}
    for name in SETS:
        coco = _read(material, name, "teacher.json")
        coco = part(coco, {i["id"] for i in coco["images"] if i.get("set", GROUPS[0]) in GROUPS})
        right = RIGHT_ON_COCO if name == "coco_boxes" else RIGHT_CLOSE_BY
        seen = json.loads((labels / f"{name}.json").read_bytes())
        data[name] = relabelled(coco, {int(id): rows for id, rows in seen.items()}, COMPLETE.get(name, ()))
        data[f"{name}_masks"] = with_good_masks(coco)
        for one in (data[name], data[f"{name}_masks"]):
            trust(one, right)
    kept = taught(coco for name, coco in data.items() if not name.endswith("_masks"))
    for name, coco in data.items():
        photos = material / "data" / name.removesuffix("_masks") / "images"
        _write(coco, photos, out / "train" / name, kept)
    every = {one["id"] for one in mini["categories"]}
    _write(part(mini, held), material / "data/coco_mini/images", out / "holdout", every)


def holdout_ids(images: Iterable[Mapping[str, Any]]) -> list[int]:
    """Ids of the photos that are kept for measuring, of the images of coco_mini."""
    candidates = sorted(
        i["id"] for i in images if i.get("split") == "val" and i.get("source") != "lightly-ai/coco128_yolo"
    )
    random.Random(7).shuffle(candidates)
    return candidates[:HOLDOUT_PHOTOS]


def relabelled(coco: Coco, seen: Mapping[int, list[list[float]]], complete: Sequence[int]) -> Coco:
    """The photos with their true boxes, and what the teacher has seen besides (rows of category, xyxy and score).

    Args:
        complete: classes that are labelled truly wherever they are.
    """
    annotations = [{k: v for k, v in one.items() if k != "segmentation"} for one in coco["annotations"]]
    annotations = [one for one in annotations if one["source"] == "true"]
    true = defaultdict(list)
    for one in annotations:
        x, y, width, height = one["bbox"]
        true[one["image_id"]].append([x, y, x + width, y + height])
    for image in coco["images"]:
        boxes = np.array(true[image["id"]]).reshape(-1, 4)
        for category, x1, y1, x2, y2, score in seen[image["id"]]:
            if category in ANIMALS:
                category = image.get("known_class", category)
            if category in complete or (overlap(np.array([x1, y1, x2, y2]), boxes) >= SAME).any():
                continue
            bounds = [x1, y1, x2 - x1, y2 - y1]
            one = {"image_id": image["id"], "category_id": category, "bbox": bounds, "area": bounds[2] * bounds[3]}
            annotations.append({**one, "iscrowd": 0, "source": "teacher", "score": score})
    for number, one in enumerate(annotations):
        one["id"] = number
    return {**coco, "annotations": annotations}


def trust(coco: Coco, right: Points) -> None:
    """Replace the score of each of the teacher's boxes by the share of such boxes that are right."""
    for one in coco["annotations"]:
        if one.get("source") == "teacher":
            one["score"] = round(float(np.interp(one["score"], *zip(*right, strict=True))), 3)


def taught(data: Iterable[Coco]) -> set[int]:
    """Ids of the classes with enough objects, and of those that are known before."""
    objects: dict[int, float] = defaultdict(float)
    for coco in data:
        for one in coco["annotations"]:
            objects[one["category_id"]] += one.get("score", 1.0) * (not one.get("iscrowd"))
    return {*KNOWN_BEFORE, *(id for id, count in objects.items() if count >= LEAST_OBJECTS)}


def with_good_masks(coco: Coco) -> Coco:
    """Those photos in which every object has a mask and every large one a good one."""
    pixels = {i["id"]: i["width"] * i["height"] for i in coco["images"]}
    bad = {i["id"] for i in coco["images"] if not i.get("masked", True)}
    for one in coco["annotations"]:
        large = one["bbox"][2] * one["bbox"][3] > LARGE * pixels[one["image_id"]]
        if "segmentation" not in one or (
            large and "fit" in one and (one["fit"] < LEAST_FIT or one["sam"] < LEAST_ESTIMATE)
        ):
            bad.add(one["image_id"])
    return copy.deepcopy(part(coco, set(pixels) - bad))


def part(coco: Coco, ids: set[int]) -> Coco:
    """The images of these ids, and what is on them."""
    images = [i for i in coco["images"] if i["id"] in ids]
    return {**coco, "images": images, "annotations": [a for a in coco["annotations"] if a["image_id"] in ids]}


def _read(material: Path, name: str, file: str) -> Coco:
    coco: Coco = json.loads((material / "data" / name / file).read_bytes())
    return coco


def _write(coco: Coco, photos: Path, folder: Path, classes: set[int]) -> None:
    (folder / "images").mkdir(parents=True)
    for image in coco["images"]:
        (folder / "images" / image["file_name"]).symlink_to((photos / image["file_name"]).resolve())
    written = {
        "images": coco["images"],
        "annotations": [a for a in coco["annotations"] if a["category_id"] in classes],
        "categories": [c for c in coco["categories"] if c["id"] in classes],
    }
    (folder / "instances.json").write_text(json.dumps(written), encoding="utf-8")


if __name__ == "__main__":
    _, material, labels, out = sys.argv
    prepare(Path(material), Path(labels), Path(out))
