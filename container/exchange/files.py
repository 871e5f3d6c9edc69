"""COCO's files, read and checked: datasets with their truth, and results."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

from container.errors import DataError
from container.exchange.entries import COCO, OWN, Entry, Segment, Size, objects
from container.store.items import size_of
from container.store.objects import ItemRow, Row, read_item

Id = int | str
GUESSED = "size_is_a_guess"  # the member of an image whose width and height are only what holds its objects
_LISTED = 3  # errors that are told; the others are counted


@dataclass
class Image:
    """An image of a file: the item that it is, and the entries on it."""

    row: ItemRow
    size: Size | None
    entries: list[Entry] = field(default_factory=list)

    def objects(self) -> Iterator[Row | Segment]:
        """Yield what the store keeps of its entries."""
        for entry in self.entries:
            yield from objects(entry)


@dataclass
class File:
    """A dataset's file; the entries of its images are truth."""

    path: Path
    head: dict[str, Any]  # categories, licenses and whatever there is beside images and annotations
    labels: dict[Id, str]  # by the ids of categories
    images: dict[Id, Image]
    notes: list[str]


def read_dataset(path: Path) -> File:
    """Read a dataset's file; DataError, in one line, names what cannot be kept."""
    value = _load(path)
    if not isinstance(value, dict) or not all(isinstance(value.get(name), list) for name in ("images", "annotations")):
        what = "a list, as results are" if isinstance(value, list) else "`images` and `annotations` are no lists"
        raise DataError(f"{path}: not COCO's format of datasets: {what}")
    wrong = _Wrong(path)
    labels, notes = _labels(path, value.get("categories", []), wrong)
    images = _images(value["images"], wrong)
    wrong.tell()
    _add(value["annotations"], "annotation", labels, images, wrong, truth=True)
    wrong.tell()
    head = {name: part for name, part in value.items() if name not in ("images", "annotations")}
    return File(path, head, labels, images, notes)


def read_results(path: Path, file: File) -> dict[Id, Image]:
    """Read the results on a dataset; return its images with those as their entries. DataError as `read_dataset`."""
    value = _load(path)
    if not isinstance(value, list):
        raise DataError(f"{path}: not COCO's format of results: no list")
    images = {id: Image(image.row, image.size) for id, image in file.images.items()}
    wrong = _Wrong(path)
    _add(value, "result", file.labels, images, wrong, truth=False)
    wrong.tell()
    return images


class _Wrong:
    """Collects what is wrong with a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first: list[str] = []
        self._number = 0

    def add(self, text: str) -> None:
        """Add a line."""
        self._number += 1
        if len(self._first) < _LISTED:
            self._first.append(text)

    def tell(self) -> None:
        """Raise DataError if there is any."""
        if self._number:
            more = f"; and {self._number - _LISTED:,} more" if self._number > _LISTED else ""
            raise DataError(f"{self._path}: {'; '.join(self._first)}{more}")


def _load(path: Path) -> Any:
    def no(token: str) -> NoReturn:
        raise ValueError(f"{token} is no number of JSON's")

    try:
        return json.loads(path.read_bytes(), parse_constant=no)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        text = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DataError(f"{path}: no JSON: {text}") from None


def _labels(path: Path, categories: Any, wrong: _Wrong) -> tuple[dict[Id, str], list[str]]:
    labels: dict[Id, str] = {}
    for number, one in enumerate(categories if isinstance(categories, list) else [None], 1):
        id, name = (one.get("id"), one.get("name")) if isinstance(one, dict) else (None, None)
        if not _is_id(id) or not isinstance(name, str) or not name:
            wrong.add(f"category no. {number} has no id, or no name")
        elif id in labels:
            wrong.add(f"category id {id} is there twice")
        else:
            labels[id] = name
    named: dict[str, list[Id]] = {}
    for id, name in labels.items():
        named.setdefault(name, []).append(id)
    doubled = [(name, ids) for name, ids in named.items() if len(ids) > 1]
    notes = [f"{path}: categories {', '.join(map(str, ids))} are one label: {name}" for name, ids in doubled]
    return labels, notes


def _images(values: list[Any], wrong: _Wrong) -> dict[Id, Image]:
    images: dict[Id, Image] = {}
    references: set[str] = set()
    for number, value in enumerate(values, 1):
        id = value.get("id") if isinstance(value, dict) else None
        if not _is_id(id):
            wrong.add(f"image no. {number} has no id")
            continue
        payload = item_payload(value)
        row = read_item(payload, json.dumps(payload))
        if isinstance(row, str):
            wrong.add(f"image {id}: {row}")
        elif id in images or row.reference_id in references:
            wrong.add(f"image {id} ({row.reference_id:.60}) is there twice")
        else:
            images[id] = Image(row, size_of(value))
            references.add(row.reference_id)
    return images


def item_payload(image: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of the item that an image becomes."""
    own = image.get(OWN)
    size = {} if image.get(GUESSED) else {name: image[name] for name in ("width", "height") if name in image}
    if isinstance(own, dict):
        return {**own, **size}
    name = image.get("file_name") or image.get("coco_url")
    rest = {key: value for key, value in image.items() if key not in ("width", "height", GUESSED)}
    address = image.get("coco_url") or name
    return {"reference_id": name, "image_url": address, **size, "metadata": {COCO: rest}}


def _add(
    values: list[Any],
    called: str,
    labels: Mapping[Id, str],
    images: Mapping[Id, Image],
    wrong: _Wrong,
    truth: bool,
) -> None:
    """Add entries to their images, once each could be made into objects."""
    for number, value in enumerate(values, 1):
        title = f"{called} no. {number}"
        if not isinstance(value, dict):
            wrong.add(f"{title} is no object")
            continue
        if truth and "id" in value:
            title = f"annotation {value['id']!r:.40}"
        image, label = _of(images, value.get("image_id")), _of(labels, value.get("category_id"))
        if image is None or label is None:
            name, held = ("image_id", "images") if image is None else ("category_id", "categories")
            wrong.add(f"{title}: {name} is {value.get(name)!r:.60}, which `{held}` lacks")
            continue
        entry = Entry(value, number, label, image.row.reference_id, image.size, truth)
        try:
            for _ in objects(entry):
                pass
        except DataError as error:
            wrong.add(f"{title}: {error}")
        else:
            image.entries.append(entry)


def _of(holder: Mapping[Id, Any], id: Any) -> Any:
    return holder.get(id) if _is_id(id) else None


def _is_id(value: object) -> TypeGuard[Id]:
    return isinstance(value, int | str) and not isinstance(value, bool)
