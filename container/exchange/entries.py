"""An annotation or a result of COCO's files as objects of the store.

COCO's entry has a box and an outline; the store has them as two objects with one `coco` in their metadata, which holds
what neither has: the id, the area, attributes. What the store has more than COCO is the entry's member `maskserve`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from container.errors import DataError
from container.evaluation.geometry import polygon_masks
from container.ops import rle
from container.scoring.masks import MAX_PIXELS
from container.store.derived import Derived
from container.store.objects import Row, read_object

OWN = "maskserve"  # the member of entries and images that only this program reads
COCO = "coco"  # the member of metadata
NUMBER = "result"  # in that of a result: which one of its file it was
HELD = ("image_id", "category_id", "bbox", "segmentation", "iscrowd", "score")  # what objects hold in other ways
_OUTLINE = ":segmentation"  # behind the id of the box
Size = tuple[int, int]  # height, width


class Entry(NamedTuple):
    """An entry, and what is known of it."""

    value: Mapping[str, Any]
    number: int  # from 1, in its file
    label: str
    reference_id: str  # of its image
    size: Size | None
    truth: bool


class Segment(NamedTuple):
    """A mask of an image: those of one image become a segmentation with a picture of indices."""

    label: str
    mask: np.ndarray  # bool H×W
    more: dict[str, Any]  # other members of the segment
    before: int | None  # the index that it had
    row: dict[str, Any] | None  # other members of the segmentation that it was of
    beside: Row | None = None  # the box that goes with it
    instead: Row | None = None  # the box that stands for it where it lies on another mask


def objects(entry: Entry) -> Iterator[Row | Segment]:
    """Yield what an entry is made of; DataError in one line for one that cannot be kept."""
    own = entry.value.get(OWN)
    if own is not None:
        yield _own(entry, own)
        return
    outline, box = entry.value.get("segmentation"), entry.value.get("bbox")
    if not outline and not box:
        raise DataError("has neither a box nor an outline")
    metadata, id = _metadata(entry), _id(entry)
    if outline and not (isinstance(outline, list) and len(outline) == 1):
        yield _segment(entry, outline, metadata, id)
        return
    if box:
        yield _row(entry, "box", id, _box(box), metadata)
    if outline:
        yield _row(entry, "polygon", id + _OUTLINE, _polygon(outline[0]), metadata)


def of_coco(metadata: object) -> dict[str, Any] | None:
    """Return what the metadata of an object keeps of COCO's entry, if it has nothing but that."""
    if not isinstance(metadata, dict) or not metadata.keys() <= {COCO, "iscrowd", "confidence"}:
        return None
    kept = metadata.get(COCO)
    return kept if isinstance(kept, dict) and ("id" in kept or NUMBER in kept) else None


def _id(entry: Entry) -> str:
    id = entry.value.get("id", entry.number) if entry.truth else entry.number
    if isinstance(id, bool) or not isinstance(id, int | str):
        raise DataError(f"id is {id!r:.60}, which is none")
    return str(id)


def _metadata(entry: Entry) -> dict[str, Any]:
    """What the objects of an entry keep of it."""
    rest = {"id": entry.number} if entry.truth else {NUMBER: entry.number}
    rest |= {name: value for name, value in entry.value.items() if name not in HELD}
    if "segmentation" in entry.value and not entry.value["segmentation"]:
        rest["segmentation"] = entry.value["segmentation"]
    crowd = entry.value.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise DataError(f"iscrowd is {crowd!r:.60}; it takes 0 and 1")
    return {COCO: rest} | ({"iscrowd": True} if crowd else {})


def _row(entry: Entry, kind: str, id: str, geometry: dict[str, Any], metadata: dict[str, Any]) -> Row:
    more = {"annotation_id": id, "metadata": metadata}
    return _read(entry, {"type": kind, **_common(entry), "geometry": geometry, **more})


def _own(entry: Entry, own: Any) -> Row | Segment:
    """The object that an entry was made of."""
    if not isinstance(own, dict):
        raise DataError(f"has a member {OWN} that this program has not written")
    if own.get("type") == "mask":
        more, row, index = own.get("segment"), own.get("row"), own.get("index")
        if not isinstance(more, dict) or not isinstance(row, dict) or type(index) is not int:
            raise DataError(f"has a member {OWN} that this program has not written")
        return Segment(entry.label, _mask(entry, entry.value.get("segmentation")), more, index, row)
    geometry = own.get("geometry")
    if geometry is None:
        outline = entry.value.get("segmentation")
        geometry = _box(entry.value.get("bbox")) if own.get("type") == "box" else _polygon(*(outline or [None])[:1])
    return _read(entry, {**own, **_common(entry), "geometry": geometry})


def _segment(entry: Entry, outline: Any, metadata: dict[str, Any], id: str) -> Segment:
    """The mask of run lengths, or of several rings, which no polygon of the store has."""
    mask = _mask(entry, outline)
    kept = {**metadata, COCO: {**metadata[COCO], "segmentation": outline}}
    box = _box(entry.value["bbox"]) if entry.value.get("bbox") else None
    beside = _row(entry, "box", id, box, metadata) if box else None
    instead = _row(entry, "box", id, box or _around(mask), kept)
    of_segment = kept if isinstance(outline, list) else metadata
    if not entry.truth:
        of_segment = {**of_segment, "confidence": _common(entry)["confidence"]}
    return Segment(entry.label, mask, {"metadata": of_segment}, None, None, beside, instead)


def _common(entry: Entry) -> dict[str, Any]:
    """The members that every object of an entry has."""
    common: dict[str, Any] = {"label": entry.label, "reference_id": entry.reference_id}
    if not entry.truth:
        score = entry.value.get("score")
        if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
            raise DataError(f"score is {score!r:.60}; it takes a number from 0 to 1")
        common["confidence"] = score
    return common


def _read(entry: Entry, payload: dict[str, Any]) -> Row:
    found = read_object(payload, json.dumps(payload), truth=entry.truth, derived=Derived())
    if isinstance(found, str):
        raise DataError(found)
    return found


def _mask(entry: Entry, outline: Any) -> np.ndarray:
    if entry.size is None:
        raise DataError("has a mask, and its image no width and height")
    height, width = entry.size
    if height * width > MAX_PIXELS:
        raise DataError(f"has a mask, and its image {width} × {height} pixels; masks have {MAX_PIXELS:,} at most")
    try:
        if isinstance(outline, dict):
            return rle.from_segmentation(outline, entry.size)
        rings = [np.array(ring, np.float64).reshape(-1, 2) for ring in outline]
        if any(len(ring) < 3 or not np.isfinite(ring).all() for ring in rings):
            raise ValueError("a ring takes three points or more")
        drawn = [rle.from_segmentation(dict(one), entry.size) for one in polygon_masks(rings, height, width)]
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"segmentation: {error}") from None
    return np.asarray(np.logical_or.reduce(drawn))


def _around(mask: np.ndarray) -> dict[str, Any]:
    """The box around a mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return _box([0, 0, 0, 0])
    left, top, right, bottom = (int(one) for one in (columns[0], rows[0], columns[-1], rows[-1]))
    return _box([left, top, right - left + 1, bottom - top + 1])


def _box(value: Any) -> dict[str, Any]:
    if not isinstance(value, list) or len(value) != 4:
        raise DataError(f"bbox is {value!r:.60}; it takes four numbers")
    return dict(zip(("x", "y", "width", "height"), value, strict=True))


def _polygon(ring: Any) -> dict[str, Any]:
    if not isinstance(ring, list) or len(ring) % 2 or len(ring) < 6:
        raise DataError(f"segmentation is {ring!r:.60}; a ring takes three points or more")
    return {"vertices": [{"x": x, "y": y} for x, y in zip(ring[::2], ring[1::2], strict=True)]}
