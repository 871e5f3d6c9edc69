"""Objects of the store as what entries of COCO's files say of them."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from container.errors import NotFound
from container.evaluation.geometry import index_masks, mask_areas, polygon_masks
from container.exchange.entries import NUMBER, Size, of_coco
from container.ops import rle
from container.scoring.masks import MaskError, read_mask
from container.store.annotations import Stored
from container.store.store import Store

Kind = Literal["box", "mask"]
FARTHEST = 100_000  # pixels of an image's side, as in the server's own figures
_KEPT = {"type", "label", "reference_id", "annotation_id", "geometry", "metadata", "confidence"}


class Thing(NamedTuple):
    """An object of an item: what an entry says of it, and what the store has more."""

    kind: Kind
    label: str
    score: float | None
    bbox: list[Any]
    segmentation: Any  # a list of one ring, run lengths, or what it was read from; [] of a box
    lengths: dict[str, Any] | None  # the same as run lengths; None of a box, and where it cannot be drawn
    area: float
    crowd: bool
    kept: dict[str, Any]  # other members of the entry that it was once read from
    own: dict[str, Any] | None  # what the store has more, if it was not read from one

    @property
    def pair(self) -> object:
        """By which a box and an outline are one entry; None for what is none of a file."""
        return self.kept.get("id", self.kept.get(NUMBER))

    def members(self) -> dict[str, Any]:
        """Return the members of an entry of truth."""
        return {"bbox": self.bbox, "area": self.area, "iscrowd": int(self.crowd), "segmentation": self.segmentation}


class Things:
    """Reads the objects of one item; `notes` counts those that COCO has not."""

    def __init__(self, store: Store, size: Size | None, rows: Sequence[Stored], notes: Counter[str]) -> None:
        """Without a size it is that of a mask, or what holds all objects in `rows`."""
        self._store, self._notes = store, notes
        self._pixels: dict[str, np.ndarray] = {}
        for row in rows:
            if row.blob and row.kind == "segmentation":
                self._read(row.blob)
        masks = (pixels.shape for pixels in self._pixels.values())
        self.size: Size = size or next(masks, None) or _extent(rows)

    def of(self, rows: Iterable[Stored], truth: bool) -> Iterator[Thing]:
        """Yield the objects of some rows."""
        for row in rows:
            payload = json.loads(row.payload)
            if row.kind == "box":
                yield from self._box(payload)
            elif row.kind == "polygon":
                yield self._polygon(payload, truth)
            elif row.kind == "segmentation":
                yield from self._segments(row, payload)
            else:
                self._notes[f"objects of the kind {row.kind}, which are not in the file"] += 1

    def _box(self, payload: dict[str, Any]) -> Iterator[Thing]:
        geometry = payload["geometry"]
        x, y, width, height = box = [geometry[name] for name in ("x", "y", "width", "height")]
        kept, own = _rest(payload, geometry if len(geometry) > len(box) else None)
        common = (payload["label"], payload.get("confidence"), box)
        outline, crowd = kept.pop("segmentation", None), _crowd(payload)
        yield Thing("box", *common, [], None, width * height, crowd, kept, own)
        if outline:  # a mask that lies on another one
            lengths = self._drawn(outline)
            yield Thing("mask", *common, outline, lengths, _area(lengths, box), crowd, kept, own)

    def _polygon(self, payload: dict[str, Any], truth: bool) -> Thing:
        vertices = payload["geometry"]["vertices"]
        ring = [vertex[axis] for vertex in vertices for axis in ("x", "y")]
        plain = truth and len(payload["geometry"]) == 1 and all(len(vertex) == 2 for vertex in vertices)
        kept, own = _rest(payload, None if plain else payload["geometry"])
        lengths, left, top = self._drawn([ring]), min(ring[::2]), min(ring[1::2])
        box = [left, top, max(ring[::2]) - left, max(ring[1::2]) - top]
        common = (payload["label"], payload.get("confidence"), box)
        return Thing("mask", *common, [ring], lengths, _area(lengths, box), _crowd(payload), kept, own)

    def _segments(self, row: Stored, payload: dict[str, Any]) -> Iterator[Thing]:
        pixels = self._pixels.get(row.blob or "")
        if pixels is None or pixels.shape != self.size:
            self._notes["masks that the store has not, or that are not of their image's size"] += 1
            return
        segments = payload["annotations"]
        masks = index_masks(pixels, [segment["index"] for segment in segments])
        for segment, mask in zip(segments, masks, strict=True):
            lengths = _text(mask)
            left, top, right, bottom = rle.box(rle.counts(lengths, self.size), self.size[0]) or (0, 0, 0, 0)
            box = [left, top, right - left, bottom - top]
            metadata = segment.get("metadata") or {}
            kept = of_coco(metadata) if segment.keys() <= {"label", "index", "metadata"} else None
            own = None if kept is not None else _own_segment(payload, segment)
            kept = dict(kept or {})
            outline = kept.pop("segmentation", lengths)
            crowd = metadata.get("iscrowd") in (True, 1)
            score, area = metadata.get("confidence"), _area(lengths, box)
            yield Thing("mask", segment["label"], score, box, outline, lengths, area, crowd, kept, own)

    def _drawn(self, outline: Any) -> dict[str, Any] | None:
        """Return an outline as run lengths; None where it cannot be drawn."""
        if isinstance(outline, dict):
            return outline
        if max(self.size) > FARTHEST:
            self._notes["outlines on images that are too large to draw them"] += 1
            return None
        masks = polygon_masks([np.array(ring, np.float64).reshape(-1, 2) for ring in outline], *self.size)
        if len(masks) == 1:
            return _text(masks[0])
        union = np.logical_or.reduce([rle.from_segmentation(dict(one), self.size) for one in masks])
        return _text(index_masks(union, [True])[0])

    def _read(self, sha256: str) -> None:
        try:
            with self._store.blobs.open(sha256) as file:
                self._pixels[sha256] = read_mask(file)
        except (NotFound, MaskError):
            return  # told where it is used


def _rest(payload: dict[str, Any], geometry: object) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """What an object keeps of the entry that it was read from, or else what the store has more than COCO."""
    kept = of_coco(payload.get("metadata")) if payload.keys() <= _KEPT and geometry is None else None
    if kept is not None:
        return dict(kept), None
    own = {name: value for name, value in payload.items() if name not in ("label", "reference_id", "confidence")}
    del own["geometry"]
    return {}, own if geometry is None else {**own, "geometry": geometry}


def _own_segment(payload: dict[str, Any], segment: dict[str, Any]) -> dict[str, Any]:
    row = {name: value for name, value in payload.items() if name not in ("type", "reference_id", "annotations")}
    more = {name: value for name, value in segment.items() if name not in ("label", "index")}
    return {"type": "mask", "row": row, "segment": more, "index": segment["index"]}


def _crowd(payload: dict[str, Any]) -> bool:
    return (payload.get("metadata") or {}).get("iscrowd") in (True, 1)


def _text(mask: Mapping[str, Any]) -> dict[str, Any]:
    return {"size": list(mask["size"]), "counts": mask["counts"].decode("ascii")}


def _area(lengths: dict[str, Any] | None, box: list[Any]) -> float:
    return float(box[2] * box[3]) if lengths is None else float(mask_areas([lengths])[0])


def _extent(rows: Iterable[Stored]) -> Size:
    """Return the (height, width) of what holds all boxes and polygons."""
    far_x = far_y = 1.0
    for row in rows:
        geometry = json.loads(row.payload)["geometry"] if row.kind in ("box", "polygon") else {}
        for point in geometry.get("vertices", [geometry] if geometry else []):
            far_x = max(far_x, point["x"] + point.get("width", 0))
            far_y = max(far_y, point["y"] + point.get("height", 0))
    return math.ceil(min(far_y, FARTHEST)), math.ceil(min(far_x, FARTHEST))
