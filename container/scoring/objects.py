"""Truth and predictions of an item as they are compared: out of the JSON that was uploaded."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from container.store.annotations import Stored

Shape = Any  # a box: (x, y, width, height); a polygon: float64 K×2; a cuboid: 7 numbers; else None
KINDS = ("box", "polygon", "cuboid", "segmentation", "category")  # that are matched
UNMATCHED_KINDS = ("line", "keypoints")


class Object(NamedTuple):
    """An object; each segment of a segmentation is one."""

    key: int  # of its row
    kind: str  # one of KINDS; a multicategory is a category with several labels
    id: str | None  # its user's annotation id
    label: str
    confidence: float | None
    crowd: bool
    shape: Shape
    taxonomy: str = ""  # of a category
    labels: tuple[str, ...] = ()  # of a multicategory
    mask: str | None = None  # SHA-256 of a segment's mask, if that was uploaded


def read_objects(rows: Iterable[Stored]) -> list[Object]:
    """Return the objects of rows that are matched, in their order."""
    return [one for row in rows if row.kind not in UNMATCHED_KINDS for one in _READERS[row.kind](row)]


def _shaped(row: Stored) -> Iterator[Object]:
    document = json.loads(row.payload)
    confidence = document.get("confidence")
    yield Object(
        row.key,
        row.kind,
        str(document["annotation_id"]),
        document["label"],
        None if confidence is None else float(confidence),
        _crowd(document),
        _SHAPES[row.kind](document["geometry"]),
    )


def _category(row: Stored) -> Iterator[Object]:
    document = json.loads(row.payload)
    id, confidence = document.get("annotation_id"), document.get("confidence")
    labels = tuple(document["labels"]) if row.kind == "multicategory" else ()
    yield Object(
        row.key,
        "category",
        None if id is None else str(id),
        ", ".join(labels) or document.get("label", ""),
        None if confidence is None else float(confidence),
        False,
        None,
        str(document.get("taxonomy_name") or ""),
        labels,
    )


def _segments(row: Stored) -> Iterator[Object]:
    document = json.loads(row.payload)
    id = document.get("annotation_id")
    for segment in document["annotations"]:
        yield Object(
            row.key,
            row.kind,
            None if id is None else str(id),
            segment["label"],
            _share((segment.get("metadata") or {}).get("confidence")),
            _crowd(segment),
            segment["index"],
            mask=row.blob,
        )


def _crowd(document: dict[str, Any]) -> bool:
    return (document.get("metadata") or {}).get("iscrowd") in (True, 1)


def _share(value: Any) -> float | None:
    """Return a number of a user's metadata, if it can be a confidence."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return float(value) if good else None


def _box(geometry: dict[str, Any]) -> Shape:
    return geometry["x"], geometry["y"], geometry["width"], geometry["height"]


def _polygon(geometry: dict[str, Any]) -> Shape:
    return np.array([(point["x"], point["y"]) for point in geometry["vertices"]], np.float64)


def _cuboid(geometry: dict[str, Any]) -> Shape:
    position, size = geometry["position"], geometry["dimensions"]
    return (*(position[axis] for axis in "xyz"), *(size[axis] for axis in "xyz"), geometry["yaw"])


_SHAPES = {"box": _box, "polygon": _polygon, "cuboid": _cuboid}
_READERS = {
    **dict.fromkeys(_SHAPES, _shaped),
    "segmentation": _segments,
    **dict.fromkeys(("category", "multicategory"), _category),
}
