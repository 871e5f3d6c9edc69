"""A tiny folder in COCO's format: discs and squares drawn on noise."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.conftest import encode

HEIGHT, WIDTH = 48, 64
LABELS = ("disc", "square")
FILE = "instances.json"


def disc(x: float, y: float, radius: float) -> list[float]:
    """A polygon of 24 corners."""
    angles = np.arange(24) * np.pi / 12
    return (np.array([[x, y]]) + radius * np.stack((np.cos(angles), np.sin(angles)), 1)).ravel().round(2).tolist()


def square(x: int, y: int, side: int) -> dict[str, Any]:
    """Run lengths of a square that does not touch the top left corner, not compressed."""
    mask = np.zeros((HEIGHT, WIDTH), int)
    mask[y : y + side, x : x + side] = 1
    ends = np.flatnonzero(np.diff(mask.ravel(order="F"))) + 1
    return {"size": [HEIGHT, WIDTH], "counts": np.diff([0, *ends, mask.size]).tolist()}


def write(folder: Path, photos: int = 3, masks: bool = True) -> Path:
    """Photos of one red disc and one blue square each; on the first a crowd of discs as well.

    Args:
        masks: give each object its segmentation; else boxes alone.
    """
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for i in range(photos):
        pixels = np.random.default_rng(i).integers(90, 150, (HEIGHT, WIDTH, 3), np.uint8)
        x, y, side = 16 + i % 4, 14 + i % 3, 16 + i % 5
        outline = disc(x, y, 9)
        cv2.fillPoly(pixels, [np.array(outline).reshape(-1, 2).round().astype(np.int32)], (255, 0, 0))
        pixels[24 : 24 + side, 40 : 40 + side] = (0, 0, 255)
        (folder / "images" / f"{i}.png").write_bytes(encode(pixels))
        images.append({"id": i, "file_name": f"{i}.png", "width": WIDTH, "height": HEIGHT})
        annotations += [
            {"image_id": i, "category_id": 7, "bbox": [x - 9, y - 9, 18, 18], "segmentation": [outline]},
            {"image_id": i, "category_id": 3, "bbox": [40, 24, side, side], "segmentation": square(40, 24, side)},
        ]
    crowd = {"image_id": 0, "category_id": 7, "bbox": [40, 2, 20, 10], "segmentation": [[40, 2, 60, 2, 60, 12, 40, 12]]}
    annotations.append(crowd | {"iscrowd": 1})
    annotations = [{**a, "id": i} for i, a in enumerate(annotations)]
    if not masks:
        annotations = [{k: v for k, v in a.items() if k != "segmentation"} for a in annotations]
    categories = [{"id": 7, "name": "disc"}, {"id": 3, "name": "square"}]
    described = {"images": images, "annotations": annotations, "categories": categories}
    (folder / FILE).write_text(json.dumps(described), encoding="utf-8")
    return folder


def write_label_maps(folder: Path, photos: int = 3) -> Path:
    """Photos of one white disc on grey, with a PNG of class numbers each; the border of the disc is to be ignored."""
    for name in ("images", "label_maps"):
        (folder / name).mkdir(parents=True)
    (folder / "labels.txt").write_text("background\ndisc\nsquare\n", encoding="utf-8")
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for i in range(photos):
        from_centre = np.hypot(x - 20 - i, y - 24)
        classes = np.where(abs(from_centre - 12) < 1, 255, from_centre < 12).astype(np.uint8)
        classes[4:20, 44:60] = 2
        pixels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        pixels[classes == 1], pixels[classes == 2] = 255, 10
        (folder / "images" / f"{i}.png").write_bytes(encode(pixels))
        (folder / "label_maps" / f"{i}.png").write_bytes(encode(classes))
    return folder


def write_channels(base: Path, hyperparameters: dict[str, str]) -> Path:
    """What SageMaker puts below /opt/ml: two channels and the hyperparameters."""
    for channel in ("train", "validation"):
        write(base / "input/data" / channel, photos=6)
    (base / "input/config").mkdir()
    (base / "input/config/hyperparameters.json").write_text(json.dumps(hyperparameters), encoding="utf-8")
    return base


def change(folder: Path, edit: Callable[[Any], object]) -> Path:
    """Let `edit` change what the JSON file of a folder holds."""
    path = folder / FILE
    described = json.loads(path.read_text(encoding="utf-8"))
    edit(described)
    path.write_text(json.dumps(described), encoding="utf-8")
    return folder
