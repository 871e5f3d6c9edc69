"""A file of COCO's datasets with one of everything, and results on it."""

import copy
import json
from typing import Any

import numpy as np
from pycocotools import mask as coco

SIZE = (64, 128)  # height, width; FiftyOne keeps shares of them, which are exact where both are powers of two
SIDES = {"width": SIZE[1], "height": SIZE[0]}


def run_lengths(top: int, left: int, bottom: int, right: int) -> dict[str, Any]:
    """Run lengths of a rectangle, compressed."""
    mask = np.zeros(SIZE, np.uint8, order="F")
    mask[top:bottom, left:right] = 1
    encoded = coco.encode(mask)
    return {"size": list(SIZE), "counts": encoded["counts"].decode()}


DATASET: dict[str, Any] = {
    "info": {"description": "a farm", "year": 2026},
    "licenses": [{"id": 4, "name": "CC BY", "url": "https://x"}],
    "images": [
        {"id": 17, "file_name": "a/1.jpg", **SIDES, "license": 4, "date_captured": "today"},
        {"id": 3, "file_name": "2.jpg", **SIDES, "coco_url": "http://images/2.jpg"},
        {"id": 5, "file_name": "empty.png", **SIDES},
    ],
    "annotations": [
        {"id": 900, "image_id": 17, "category_id": 18, "bbox": [1, 2.5, 10, 20], "area": 200.0, "iscrowd": 0},
        {
            "id": 901,
            "image_id": 17,
            "category_id": 90,
            "bbox": [30.25, 2, 10, 10],
            "area": 47.125,
            "iscrowd": 0,
            "segmentation": [[30.25, 2, 40.25, 2, 40.25, 12.0]],
            "attributes": {"pose": "sitting"},
            "keypoints": [1, 2, 1, 0, 0, 0],
            "num_keypoints": 1,
        },
        {
            "id": 1,
            "image_id": 3,
            "category_id": 18,
            "bbox": [0, 0, 30, 10],
            "area": 180.5,
            "iscrowd": 0,
            "segmentation": [[0, 0, 10, 0, 10, 10, 0, 10], [20, 0, 30, 0, 30, 8]],
        },
        {
            "id": 2,
            "image_id": 3,
            "category_id": 90,
            "bbox": [5, 20, 20, 10],
            "area": 200,
            "iscrowd": 1,
            "segmentation": run_lengths(20, 5, 30, 25),
        },
        {
            "id": 3,
            "image_id": 3,
            "category_id": 18,
            "bbox": [20, 25, 20, 10],
            "area": 200,
            "iscrowd": 0,
            "segmentation": run_lengths(25, 20, 35, 40),
        },
    ],
    "categories": [
        {"id": 18, "name": "dog", "supercategory": "animal"},
        {"id": 90, "name": "toothbrush", "supercategory": "indoor"},
        {"id": 91, "name": "nowhere to be seen", "supercategory": "none"},
    ],
}
RESULTS: list[dict[str, Any]] = [
    {"image_id": 17, "category_id": 18, "bbox": [1, 2, 10.5, 20], "score": 0.30000000000000004},
    {"image_id": 17, "category_id": 90, "bbox": [30, 2, 10, 10], "score": 1},
    {"image_id": 3, "category_id": 18, "bbox": [0, 0, 30, 10], "score": 0.5},
    {"image_id": 3, "category_id": 18, "bbox": [0, 0, 30, 10], "score": 0.5},
]
MASKS: list[dict[str, Any]] = [
    {"image_id": 17, "category_id": 18, "segmentation": run_lengths(2, 1, 22, 11), "score": 0.9},
    {"image_id": 3, "category_id": 90, "segmentation": run_lengths(20, 5, 30, 26), "score": 0.8},
    {"image_id": 3, "category_id": 18, "segmentation": run_lengths(24, 20, 35, 40), "score": 0.7},  # on the other
]


def written(value: object, path: str) -> str:
    """Write a file; return its name."""
    with open(path, "w") as file:
        json.dump(value, file)
    return path


def changed(place: tuple[Any, ...], value: object) -> dict[str, Any]:
    """The dataset with another value in one place; without it, if that is `...`."""
    document = copy.deepcopy(DATASET)
    holder: Any = document
    for one in place[:-1]:
        holder = holder[one]
    if value is ...:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return document


def plain(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries without what says nothing, by image and id: no outline, no crowd."""
    less = [{k: v for k, v in one.items() if not (k == "segmentation" and not v)} for one in entries]
    return sorted(less, key=lambda one: (one["image_id"], one.get("id", 0), json.dumps(one)))
