"""The arrays of boxes and of masks that figures are computed from, item by item."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from container.evaluation.geometry import (
    MAX_PIXELS,
    Overlap,
    box_overlaps,
    index_masks,
    mask_areas,
    mask_overlaps,
    polygon_masks,
)
from container.evaluation.sample import LOWEST_IOU, Pairs, Sample, Side
from container.scoring.objects import Object

MAX_SIDE = 100_000  # pixels of an item, and of the coordinates of its polygons: drawing takes time by their length
MAX_LENGTH = 10_000_000  # pixels around all polygons of one side of an item


class Compared(NamedTuple):
    """What an item adds: its objects on each side with their areas, and the overlaps over these lists."""

    truth: Sequence[Object]
    truth_areas: np.ndarray
    found: Sequence[Object]
    found_areas: np.ndarray
    overlap: Overlap


class Arrays:
    """Collects what items add."""

    def __init__(self) -> None:
        self._items: list[Compared] = []

    def add(self, one: Compared) -> None:
        """Add the next item's."""
        self._items.append(one)

    def finish(self, images: Sequence[int]) -> bytes:
        """Return the sample of all items, whose keys are `images`, as bytes."""
        labels: dict[str, int] = {}
        truth = _side([(one.truth, one.truth_areas) for one in self._items], labels)
        found = _side([(one.found, one.found_areas) for one in self._items], labels)
        pairs: list[Pairs] = []
        before_truth = before_found = 0
        for one in self._items:
            near = one.overlap.iou >= LOWEST_IOU
            pairs.append(
                Pairs(
                    one.overlap.found[near] + before_found,
                    one.overlap.truth[near] + before_truth,
                    one.overlap.iou[near],
                )
            )
            before_truth, before_found = before_truth + len(one.truth), before_found + len(one.found)
        return Sample(
            tuple(labels),
            np.array(images, np.int64),
            truth,
            found,
            Pairs(
                np.concatenate([np.zeros(0, np.int64), *(one.found for one in pairs)]),
                np.concatenate([np.zeros(0, np.int64), *(one.truth for one in pairs)]),
                np.concatenate([np.zeros(0), *(one.iou for one in pairs)]),
            ),
        ).to_bytes()


def box_arrays(truth: Sequence[Object], found: Sequence[Object], overlap: Overlap) -> Compared:
    """Return an item's boxes; `overlap` is theirs as if none were a crowd."""
    boxes, of_found = _boxes(truth), _boxes(found)
    crowd = np.array([one.crowd for one in truth], bool)
    if crowd.any() and len(found):
        overlap = box_overlaps(of_found, boxes, crowd)
    with np.errstate(over="ignore"):
        return Compared(truth, boxes[:, 2] * boxes[:, 3], found, of_found[:, 2] * of_found[:, 3], overlap)


def mask_arrays(
    size: tuple[int, int] | None,
    truth: Sequence[Object],
    found: Sequence[Object],
    masks: Mapping[str, np.ndarray],
    say: Callable[[str], None],
) -> Compared:
    """Return an item's polygons, drawn by COCO's rule, and segments. What cannot be drawn is told by `say`.

    Args:
        size: (height, width) of the item in pixels, where it is known.
        masks: of segments, by SHA-256.
    """
    sides = [[one for one in side if one.kind == "polygon" or one.mask in masks] for side in (truth, found)]
    if not any(sides):
        return _NOTHING
    shapes = [one.shape for side in sides for one in side if one.kind == "polygon"]
    if size is None:
        size = next((mask.shape for mask in masks.values()), None) or _around(shapes)
    drawn = []
    for side in sides:
        reason = _undrawable(size, side)
        if reason:
            say(reason)
            return _NOTHING
        drawn.append(_drawn(size, side, masks, say))
    (truth_kept, truth_masks), (found_kept, found_masks) = drawn
    crowd = np.array([one.crowd for one in truth_kept], bool)
    overlap = mask_overlaps(found_masks, truth_masks, crowd) if truth_masks and found_masks else _NO_OVERLAP
    return Compared(truth_kept, mask_areas(truth_masks), found_kept, mask_areas(found_masks), overlap)


def _around(shapes: Sequence[np.ndarray]) -> tuple[int, int]:
    """Return the least (height, width) that holds all points, as far as masks are drawn."""
    farthest = np.ceil(np.max([shape.max(axis=0) for shape in shapes], axis=0)).clip(1, MAX_SIDE)
    return int(farthest[1]), int(farthest[0])


def _drawn(
    size: tuple[int, int], objects: Sequence[Object], masks: Mapping[str, np.ndarray], say: Callable[[str], None]
) -> tuple[list[Object], list[Any]]:
    """Return the objects that have a mask of this size, and their masks as run lengths."""
    kept, polygons = [], [one for one in objects if one.kind == "polygon"]
    lengths: list[Any] = []
    by_polygon = dict(zip(map(id, polygons), polygon_masks([one.shape for one in polygons], *size), strict=True))
    for one in objects:
        if one.kind == "polygon":
            lengths.append(by_polygon[id(one)])
        elif masks[str(one.mask)].shape != size:
            height, width = masks[str(one.mask)].shape
            say(f"a mask of {width} × {height} pixels is not of its size, {size[1]} × {size[0]}")
            continue
        else:
            lengths += index_masks(masks[str(one.mask)], [one.shape])
        kept.append(one)
    return kept, lengths


def _undrawable(size: tuple[int, int], objects: Sequence[Object]) -> str:
    """Return why the polygons of one side of an item are not drawn, or "": the work grows with their length."""
    if max(size) > MAX_SIDE:
        return f"it has {size[1]} × {size[0]} pixels; masks are drawn up to {MAX_SIDE:,} on a side"
    length = 0.0
    for one in objects:
        if one.kind == "polygon":
            if np.abs(one.shape).max() > MAX_SIDE:
                return f"polygon {one.id!r} has points beyond {MAX_SIDE:,} pixels; its figures of masks are left out"
            length += float(np.abs(one.shape - np.roll(one.shape, 1, axis=0)).max(axis=1).sum())
    if size[0] * size[1] >= MAX_PIXELS:
        return f"it has {size[1]} × {size[0]} pixels; masks are drawn below {MAX_PIXELS:,} pixels"
    if length > MAX_LENGTH:
        return f"its polygons are {length:,.0f} pixels long together; at most {MAX_LENGTH:,} are drawn"
    return ""


def _boxes(objects: Sequence[Object]) -> np.ndarray:
    return np.array([one.shape for one in objects], np.float64).reshape(-1, 4)


def _side(items: Sequence[tuple[Sequence[Object], np.ndarray]], labels: dict[str, int]) -> Side:
    objects = [one for several, _ in items for one in several]
    names = np.array([labels.setdefault(one.label, len(labels)) for one in objects], np.int64)
    return Side(
        image=np.repeat(np.arange(len(items)), [len(several) for several, _ in items]).astype(np.int64),
        raw=names,
        label=names,
        area=np.concatenate([np.zeros(0), *(areas for _, areas in items)]),
        key=np.array([one.key for one in objects], np.int64),
        score=np.array([np.nan if one.confidence is None else one.confidence for one in objects], np.float64),
        crowd=np.array([one.crowd for one in objects], bool),
    )


_NO_OVERLAP = Overlap(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
_NOTHING = Compared((), np.zeros(0), (), np.zeros(0), _NO_OVERLAP)
