"""Objects that clients upload, checked: annotations and predictions of every kind, and the items they lie on.

read_object({"type": "box", …}, text, truth=True, derived=Derived())  # Row(…), or the text of an error
"""

from dataclasses import dataclass
from typing import Any

from container.store.checks import (
    MAX_NAME,
    MISSING,
    SHAPES,
    Wrong,
    listing,
    mapping,
    name,
    optional_mapping,
    optional_name,
    share,
    shown,
    strings,
)
from container.store.derived import Derived, with_id

KINDS = (*SHAPES, "category", "multicategory", "segmentation")
_BY_TYPE = {"mask" if kind == "segmentation" else kind: kind for kind in KINDS}
MAX_ADDRESS = 4000  # characters of the address of a mask or a picture
_ID = "annotation_id"


@dataclass(frozen=True, slots=True)
class Row:
    """An annotation or a prediction that was checked, as it is stored."""

    reference_id: str | None  # of its item; None if it names the item by `item_id` alone
    item_id: str | None  # public id of its item, where the object names it: it counts where both are there
    dataset_id: str | None  # public id beside reference_id, in runs that span datasets
    kind: str  # one of KINDS
    key: str  # what it is known by below one item: "a:<annotation_id>", "c:<taxonomy>", or "s" for a segmentation
    label: str  # empty for segmentations and multicategories
    confidence: float | None
    payload: str  # its JSON text as it was sent, with the annotation_id that was derived
    blob: str | None = None  # SHA-256 of the mask that was uploaded with it


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item that was checked, as it is stored."""

    reference_id: str
    image_url: str
    payload: str  # its JSON text as it was sent


def read_object(value: object, text: str, *, truth: bool, derived: Derived) -> Row | str:
    """Return the row of an object, or what is wrong with it in one line of at most 500 characters.

    `value` is the parsed JSON of `text`; `derived` that of the request. Ground truth (`truth`) has multicategories, and
    predictions have confidence and class_pdf.
    """
    if not isinstance(value, dict):
        return f"{shown(value)} is no JSON object"
    try:
        return _row(value, text, truth, derived)
    except Wrong as wrong:
        return f"{_title(value)}: {wrong}"


def _title(value: dict[str, Any]) -> str:
    """Return what an object is called in an error: its type, its id and its item's, as far as there are any."""
    kind = value.get("type")
    words = [kind if isinstance(kind, str) and kind in _BY_TYPE else "object"]
    if value.get(_ID) is not None:
        words.append(shown(value[_ID]))
    item = value.get("reference_id")
    item = value.get("item_id") if item is None else item
    return " ".join(words if item is None else [*words, "of item", shown(item)])


def _row(value: dict[str, Any], text: str, truth: bool, derived: Derived) -> Row:
    kind = _BY_TYPE.get(value["type"]) if isinstance(value.get("type"), str) else None
    if kind is None or (kind == "multicategory" and not truth):
        taken = [one for one in _BY_TYPE if truth or one != "multicategory"]
        raise Wrong("type", value.get("type", MISSING), "one of " + ", ".join(taken))
    item_id = optional_name(value, "item_id", least=1)
    reference_id = (
        name(value, "reference_id", least=1) if item_id is None else optional_name(value, "reference_id", least=1)
    )
    dataset_id = optional_name(value, "dataset_id", least=1)
    annotation_id = _annotation_id(value)
    optional_mapping(value, "metadata")
    confidence = None if truth else _confidence(value)
    label = "" if kind in ("multicategory", "segmentation") else name(value, "label")
    if kind in SHAPES:
        geometry = mapping(value, "geometry")
        SHAPES[kind](geometry)
        if not annotation_id:
            annotation_id = derived.name(kind, label, geometry, (dataset_id, reference_id, item_id))
            text = with_id(text, value, annotation_id)
        key = f"a:{annotation_id}"
    elif kind == "segmentation":
        _segments(value)
        key = "s"
    else:
        if kind == "multicategory":
            strings(value, "labels")
        key = f"c:{optional_name(value, 'taxonomy_name') or ''}"
    return Row(reference_id, item_id, dataset_id, kind, key, label, confidence, text)


def _annotation_id(value: dict[str, Any]) -> str:
    """Return the id that an object came with, which may be a number; empty if there is none."""
    sent = value.get(_ID)
    if type(sent) is int and abs(sent) < 10**MAX_NAME:
        return str(sent)
    if sent is not None and not isinstance(sent, str):
        raise Wrong(_ID, sent, f"a string of up to {MAX_NAME:,} characters, or a whole number")
    return optional_name(value, _ID) or ""


def _confidence(value: dict[str, Any]) -> float | None:
    """Return the confidence of a prediction, if it has any; raises Wrong for it and for that of each class."""
    for label, probability in optional_mapping(value, "class_pdf").items():
        share(probability, f"class_pdf[{shown(label)}]")
    return None if value.get("confidence") is None else share(value["confidence"], "confidence")


def _segments(value: dict[str, Any]) -> None:
    """Raise Wrong if a segmentation has no mask, or segments that are none."""
    name(value, "mask_url", MAX_ADDRESS, 1)
    seen = set()
    for i, segment in enumerate(listing(value, "annotations")):
        where = f"annotations[{i}]"
        if not isinstance(segment, dict):
            raise Wrong(where, segment, "an object of label and index")
        name(segment, "label", where=where + ".")
        index = segment.get("index", MISSING)
        if type(index) is not int or index < 0:
            raise Wrong(where + ".index", index, "a whole number of 0 or more")
        if index in seen:
            raise Wrong(where + ".index", index, "an index that no other segment has")
        seen.add(index)
        optional_mapping(segment, "metadata", where + ".")


def read_item(value: object, text: str) -> ItemRow | str:
    """Return the row of a dataset's item, or what is wrong with it in one line; see `read_object`."""
    if not isinstance(value, dict):
        return f"{shown(value)} is no JSON object"
    field = "reference_id" if value.get("reference_id") is not None or "ref_id" not in value else "ref_id"
    address = "image_url" if value.get("image_url") is not None or "image_location" not in value else "image_location"
    try:
        reference_id = name(value, field, least=1)
        for other in ("pointcloud_url", "pointcloud_location", "scene"):
            if value.get(other) is not None:
                raise Wrong(other, value[other], "nothing: items are pictures here")
        optional_mapping(value, "metadata")
        return ItemRow(reference_id, name(value, address, MAX_ADDRESS, 1), text)
    except Wrong as wrong:
        return f"item {shown(value[field])}: {wrong}" if value.get(field) is not None else f"item: {wrong}"
