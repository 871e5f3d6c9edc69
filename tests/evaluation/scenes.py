"""Truth and detections out of tiny literals, and folders in COCO's format."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco

from container.evaluation.objects import Detections, RunLengths, Truth
from tests.conftest import encode

SIZE = (200, 300)  # (height, width) of every photo here
Box = tuple[float, float, float, float]


def masks_of(boxes: Sequence[Box]) -> tuple[RunLengths, ...]:
    """Masks that fill the boxes."""
    bitmaps = np.zeros((len(boxes), *SIZE), np.uint8)
    for bitmap, (left, top, right, bottom) in zip(bitmaps, boxes, strict=True):
        bitmap[int(top) : int(bottom), int(left) : int(right)] = 1
    return tuple(coco.encode(np.asfortranarray(bitmap)) for bitmap in bitmaps)


def there(*objects: tuple[int, Box], crowd: Sequence[bool] = (), masks: bool = True) -> Truth:
    """Objects as (class, box); their masks fill their boxes."""
    boxes = np.array([box for _, box in objects], float).reshape(-1, 4)
    return Truth(
        image_size=SIZE,
        boxes=boxes,
        classes=np.array([number for number, _ in objects], int),
        areas=(boxes[:, 2:] - boxes[:, :2]).prod(axis=1),
        crowd=np.array(crowd or [False] * len(objects), bool),
        masks=masks_of([box for _, box in objects]) if masks else None,
    )


def seen(*detections: tuple[float, int, Box], masks: bool = True) -> Detections:
    """Detections as (score, class, box); their masks fill their boxes."""
    return Detections(
        boxes=np.array([box for _, _, box in detections], float).reshape(-1, 4),
        classes=np.array([number for _, number, _ in detections], int),
        scores=np.array([score for score, _, _ in detections], float),
        masks=masks_of([box for _, _, box in detections]) if masks else None,
    )


def write_folder(
    folder: Path, photos: Mapping[str, tuple[np.ndarray, Sequence[tuple[str, Box]]]], masks: bool = True
) -> Path:
    """Photos by file name as (pixels, objects as (label, box)), in COCO's format; masks are the boxes' outlines."""
    folder.mkdir(parents=True, exist_ok=True)
    labels = list(dict.fromkeys(label for _, objects in photos.values() for label, _ in objects))
    images, annotations = [], []
    for number, (name, (pixels, objects)) in enumerate(photos.items()):
        (folder / name).write_bytes(encode(pixels))
        images.append({"id": number, "file_name": name, "height": pixels.shape[0], "width": pixels.shape[1]})
        for label, (left, top, right, bottom) in objects:
            one: dict[str, Any] = {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": labels.index(label),
                "bbox": [left, top, right - left, bottom - top],
            }
            if masks:
                one["segmentation"] = [[left, top, right, top, right, bottom, left, bottom]]
            annotations.append(one)
    categories = [{"id": i, "name": label} for i, label in enumerate(labels)]
    described = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(described))
    return folder
