"""Which of the JSON files of a folder describe its photos.

COCO's own `annotations/` holds files of several kinds for the same photos, and of several splits; other tools leave
settings, logs and results beside theirs.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from container.datasets.account import Account, Broken
from container.datasets.base import Split
from container.errors import DataError
from container.files import made_by_macos

_SPLITS = {
    "train": {"train", "training"},
    "val": {"val", "valid", "validation"},
    "test": {"test", "testing"},
}
_WANTED: dict[Split, tuple[str, ...]] = {"train": ("train",), "validation": ("val", "test")}

Id = int | str
T = TypeVar("T")


@dataclass(frozen=True)
class AnnotationFile:
    """The parts of a JSON file in COCO's format; DataError where one of them cannot be told from the others."""

    path: Path
    images: list[Any]
    annotations: list[Any]
    categories: list[Any]

    def images_by_id(self) -> dict[Id, Mapping[str, Any]]:
        """The images that the file lists."""
        found: dict[Id, Mapping[str, Any]] = {}
        for number, image in enumerate(self.images):
            try:
                id = as_id(_object(image).get("id"), "id")
            except Broken as reason:
                raise DataError(f"{self.path}: not COCO's format: image no. {number + 1} {reason}") from reason
            if id in found:
                raise DataError(f"{self.path}: image id {id} is there twice")
            found[id] = image
        return found

    def names_by_id(self) -> dict[Id, list[str]]:
        """The different names that each category's id is given, which should be one."""
        found: dict[Id, list[str]] = {}
        for number, category in enumerate(self.categories):
            try:
                id, name = as_id(_object(category).get("id"), "id"), str(category.get("name") or "").strip()
                if not name:
                    raise Broken("has no `name`")
            except Broken as reason:
                raise DataError(f"{self.path}: not COCO's format: category no. {number + 1} {reason}") from reason
            if name not in found.setdefault(id, []):
                found[id].append(name)
        return found

    def annotations_by_image(self, images: Iterable[Id], account: Account) -> dict[Id, list[tuple[str, Any]]]:
        """The annotations of each image, and what to call them; those of other images are noted in the account."""
        found: dict[Id, list[tuple[str, Any]]] = {id: [] for id in images}
        for number, annotation in enumerate(self.annotations):
            called = f"annotation no. {number + 1}"
            try:
                called = f"annotation {_object(annotation)['id']!r:.40}" if "id" in _object(annotation) else called
                id = as_id(annotation.get("image_id"), "image_id")
            except Broken as reason:
                account.lose("annotations", f"{self.path}: {called} {reason}")
                continue
            if id in found:
                found[id].append((called, annotation))
            else:
                account.note("annotations of images that `images` lacks", f"{called} of {self.path.name}")
        return found


def as_id(value: object, key: str) -> Id:
    """An id as ids are compared: 1, 1.0 and "1" are one; Broken for what is no id."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int | str) and not isinstance(value, bool):
        return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else value
    raise Broken(f"has {value!r:.60} for `{key}`, which is no id")


def photo_name(image: object) -> object:
    """The path that the file gives a photo; LVIS has URLs instead."""
    return (image.get("file_name") or image.get("coco_url")) if isinstance(image, dict) else None


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Broken(f"is {value!r:.60}, which is no object")
    return value


def find(folder: Path) -> list[Path]:
    """The JSON files in a folder and in its annotations/."""
    places = [folder, *(p for p in folder.iterdir() if p.is_dir() and p.name.lower() == "annotations")]
    files = (path for place in places for path in place.iterdir() if path.suffix.lower() == ".json")
    return sorted(path for path in files if path.is_file() and not made_by_macos(path.name))


def named(paths: Sequence[Path], names: Sequence[str]) -> list[Path]:
    """Those of `paths` that one of the names means: a file's name, or the end of its path."""
    return [path for path in paths if any(f"/{path.as_posix()}".endswith(f"/{name}") for name in names)]


def read(path: Path) -> AnnotationFile:
    """A file in COCO's format; Broken says why it is none."""
    try:
        value = json.loads(path.read_bytes())  # UTF-8, with or without a mark of its order, and UTF-16
    except UnicodeDecodeError as error:
        raise Broken(f"not in UTF-8: {error.reason} at byte {error.start}; save it as UTF-8") from error
    except (OSError, ValueError, RecursionError) as error:
        detail = str(error) if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise Broken(f"not readable JSON: {detail}") from error
    if not isinstance(value, dict):
        raise Broken("not COCO's format: a list, as results are" if isinstance(value, list) else "not COCO's format")
    missing = [f"`{key}`" for key in ("images", "annotations") if key not in value]
    if missing:
        raise Broken(f"not COCO's format: no {' and no '.join(missing)}")
    parts = [value["images"], value["annotations"], value.get("categories", [])]
    for key, part in zip(("images", "annotations", "categories"), parts, strict=True):
        if not isinstance(part, list):
            raise Broken(f"not COCO's format: `{key}` is no list")
    if parts[1] and not any(map(_is_of_object, parts[1])):
        raise Broken("not of objects, as for example captions: no annotation has a `category_id` and a box or a mask")
    return AnnotationFile(path, *parts)


def _is_of_object(annotation: object) -> bool:
    return (
        isinstance(annotation, dict)
        and "category_id" in annotation
        and not {"bbox", "segmentation"}.isdisjoint(annotation)
    )


def split_of(name: str) -> str | None:
    """The split that a name holds as a word, "train", "val" or "test"; None where it holds none, or two."""
    words = set(re.findall("[a-z]+", name.lower()))
    found = [split for split, names in _SPLITS.items() if words & names]
    return found[0] if len(found) == 1 else None


def of_split(splits: Mapping[T, str | None], use: Split) -> list[T]:
    """Those of a split for this `use`, where there are several splits; else all."""
    there = set(splits.values()) - {None}
    wanted = next((split for split in _WANTED[use] if split in there), None)
    return [one for one, split in splits.items() if split == wanted or wanted is None or len(there) < 2]
