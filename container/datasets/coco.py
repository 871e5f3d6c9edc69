"""A folder in COCO's format: photos, and one or more JSON files that say what is on them.

The JSON files lie in the folder or in `annotations/`; photos in the folder, in `images/`, or where `file_name` says.
Boxes may come without masks. Format: https://cocodataset.org/#format-data
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from container.errors import DataError
from container.ops import rle

Segmentation = list[list[float]] | dict[str, Any]  # polygons, or a run-length encoding


@dataclass(frozen=True)
class Annotation:
    """One object of a photo."""

    box: tuple[float, float, float, float]  # xyxy in pixels, inside the photo
    label: str
    segmentation: Segmentation | None = None
    crowd: bool = False  # a group that is outlined as one; never a target, and forgiven when it is found
    area: float = 0.0  # pixels of the mask, or of the box where there is no mask


@dataclass(frozen=True)
class Photo:
    """One labelled photo."""

    id: int
    path: Path
    width: int
    height: int
    annotations: tuple[Annotation, ...] = ()

    @property
    def objects(self) -> tuple[Annotation, ...]:
        """The annotations that are single objects."""
        return tuple(a for a in self.annotations if not a.crowd)

    @property
    def masked(self) -> bool:
        """Whether every object has a mask."""
        return all(a.segmentation is not None for a in self.objects)

    def mask(self, annotation: Annotation) -> np.ndarray:
        """The bool H×W mask of one of the annotations; its box where it has no mask."""
        if annotation.segmentation is not None:
            return rle.from_segmentation(annotation.segmentation, (self.height, self.width))
        mask = np.zeros((self.height, self.width), bool)
        x1, y1, x2, y2 = (round(value) for value in annotation.box)
        mask[y1:y2, x1:x2] = True
        return mask


@dataclass(frozen=True)
class Dataset:
    """Labelled photos, and the names of their classes in the order of the files."""

    name: str
    photos: tuple[Photo, ...]
    labels: tuple[str, ...]


def read(folder: Path, only: Sequence[str] = ()) -> Dataset:
    """The photos of `folder`; DataError names the file and what is wrong in it.

    Args:
        only: labels to keep; annotations of others are left out. Empty keeps all.
    """
    found = sorted(p for p in (*folder.glob("*.json"), *folder.glob("annotations/*.json")) if p.is_file())
    files = {path: _parse(path) for path in found}
    described = {path: value for path, value in files.items() if "images" in value and "annotations" in value}
    if not described:
        raise DataError(f"{folder}: no JSON file with COCO's `images` and `annotations` there or in annotations/")
    photos: dict[int, Photo] = {}
    labels: dict[str, None] = {}
    for path, value in described.items():
        for photo in _photos(path, value, folder, labels, only):
            if photo.id in photos:
                raise DataError(f"{path}: image id {photo.id} is there twice")
            photos[photo.id] = photo
    return Dataset(folder.name, tuple(photos.values()), tuple(labels))


def _parse(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not readable JSON") from error
    return value if isinstance(value, dict) else {}


def _photos(
    path: Path, value: Mapping[str, Any], folder: Path, labels: dict[str, None], only: Sequence[str]
) -> list[Photo]:
    try:
        names = {int(c["id"]): str(c["name"]) for c in value.get("categories", ())}
        images = {int(i["id"]): i for i in value["images"]}
        if len(images) < len(value["images"]):
            twice = next(id for id, count in Counter(int(i["id"]) for i in value["images"]).items() if count > 1)
            raise DataError(f"{path}: image id {twice} is there twice")
        objects: dict[int, list[Any]] = {id: [] for id in images}
        labels.update(dict.fromkeys(name for name in names.values() if not only or name in only))
        for annotation in value["annotations"]:
            category, image = int(annotation["category_id"]), int(annotation["image_id"])
            if category not in names:
                raise DataError(
                    f"{path}: annotation {annotation.get('id')} has category_id {category}, which `categories` lacks"
                )
            if image not in images:
                raise DataError(f"{path}: annotation {annotation.get('id')} has image_id {image}, which `images` lacks")
            if not only or names[category] in only:
                objects[image].append(annotation)
        photos = []
        for id, image in images.items():
            size = int(image["width"]), int(image["height"])
            read_ones = (_annotation(path, a, names, size) for a in objects[id])
            photos.append(Photo(id, _find(folder, path, image["file_name"]), *size, tuple(a for a in read_ones if a)))
        return photos
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        raise DataError(f"{path}: not COCO's format: {type(error).__name__} {error}") from error


def _find(folder: Path, path: Path, name: str) -> Path:
    for place in (folder / "images" / name, folder / name, path.parent / name):
        if place.is_file():
            return place
    raise DataError(f"{path}: photo {name!r} is neither in {folder} nor in its images/")


def _annotation(
    path: Path, value: Mapping[str, Any], names: Mapping[int, str], size: tuple[int, int]
) -> Annotation | None:
    """The annotation, or None for one that covers nothing."""
    x, y, width, height = (float(number) for number in value["bbox"])
    x1, y1, x2, y2 = max(x, 0.0), max(y, 0.0), min(x + width, size[0]), min(y + height, size[1])
    if not all(np.isfinite((x, y, width, height))):
        raise DataError(f"{path}: annotation {value.get('id')} has a box that is not finite")
    if x1 >= size[0] or y1 >= size[1] or x2 < 0 or y2 < 0:
        raise DataError(
            f"{path}: annotation {value.get('id')} has box {[x, y, width, height]}, outside of its photo of "
            f"{size[0]}×{size[1]} pixels"
        )
    if x2 - x1 < 1 or y2 - y1 < 1:
        return None
    area = float(value.get("area") or (x2 - x1) * (y2 - y1))
    segmentation = value.get("segmentation") or None
    if segmentation is not None and not _sound(segmentation, size):
        raise DataError(
            f"{path}: annotation {value.get('id')} has neither polygons of three corners and more, near its photo, nor "
            f"run lengths of {size[0]}×{size[1]} pixels"
        )
    crowd = bool(value.get("iscrowd", 0))
    return Annotation((x1, y1, x2, y2), names[int(value["category_id"])], segmentation, crowd, area)


def _sound(segmentation: Segmentation, size: tuple[int, int]) -> bool:
    """Whether pycocotools can draw it: it fills all memory for corners that are far away or not finite."""
    width, height = size
    if isinstance(segmentation, dict):
        counts = segmentation.get("counts")
        listed = isinstance(counts, list) and min(counts, default=0) >= 0 and sum(counts) == width * height
        return segmentation.get("size") == [height, width] and (listed or isinstance(counts, str))
    polygons = [np.asarray(polygon, float) for polygon in segmentation]
    near = all(bool((abs(polygon) <= 2 * max(size)).all()) for polygon in polygons)  # false for what is not finite
    return near and any(len(polygon) >= 6 for polygon in polygons)
