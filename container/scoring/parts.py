"""Some items compared: their matches as texts, and the arrays that figures are computed from.

A match of a commit is one truth and one prediction of an item and a kind that overlap; the greatest IoU goes first, and
then both are taken. Figures rank predictions by confidence, so that they are not made of matches.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from container.evaluation.geometry import (
    Overlap,
    TooManyPairs,
    box_overlaps,
    cuboid_overlaps,
    polygon_overlaps,
    segment_overlaps,
)
from container.evaluation.pairing import paired
from container.scoring.arrays import Arrays, box_arrays, mask_arrays
from container.scoring.config import Config
from container.scoring.masks import MaskError
from container.scoring.objects import KINDS, Object

ReadMask = Callable[[str], np.ndarray]  # by SHA-256; MaskError


class Item(NamedTuple):
    """An item with what is compared on it."""

    key: int
    reference_id: str
    size: tuple[int, int] | None  # (height, width), where it is known
    truth: list[Object]
    found: list[Object]


class Match(NamedTuple):
    """A row of a commit: a pair, a prediction without truth, or truth without a prediction."""

    kind: str
    found_id: str | None
    truth_id: str | None
    found_label: str | None
    truth_label: str | None
    iou: float
    true_positive: bool
    confidence: float | None


@dataclass
class _Pool:
    """The objects of one kind of all items, each with its item's place, and their overlaps over these lists."""

    truth: list[tuple[int, Object]] = field(default_factory=list)
    found: list[tuple[int, Object]] = field(default_factory=list)
    overlaps: list[Overlap] = field(default_factory=list)


class Part:
    """Compares items one by one."""

    def __init__(self, config: Config, read_mask: ReadMask, with_matches: bool) -> None:
        self._config = config
        self._read_mask = read_mask
        self._with_matches = with_matches
        self._items: list[int] = []
        self._pools = {kind: _Pool() for kind in KINDS}
        self._boxes, self._masks = Arrays(), Arrays()
        self.errors: list[str] = []
        self.counts: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: Item) -> None:
        """Compare an item's truth with its predictions; TooManyPairs, which names it, if too many of them overlap."""
        try:
            self._add(item)
        except TooManyPairs as error:
            raise TooManyPairs(f"Item {item.reference_id}: {error}"[:500]) from None

    def _add(self, item: Item) -> None:
        masks = self._read_masks(item)
        for kind in KINDS if self._with_matches else ("box",):
            truth = [one for one in item.truth if one.kind == kind]
            found = [one for one in item.found if one.kind == kind]
            overlap = self._overlap(kind, item, truth, found, masks) if truth and found else _NONE
            if self._with_matches:
                self._pool(self._pools[kind], truth, found, overlap)
            if kind == "box":
                self._boxes.add(box_arrays(truth, found, overlap))
        self._masks.add(mask_arrays(item.size, item.truth, item.found, masks, self._say(item)))
        self._items.append(item.key)

    def finish(self) -> tuple[dict[str, bytes], list[tuple[int, str]]]:
        """Return the arrays by their kind, and the text of each item's matches by its key."""
        rows: list[list[Match]] = [[] for _ in self._items]
        for kind, pool in self._pools.items():
            for place, row in self._matches(kind, pool):
                rows[place].append(row)
                name = _counted(row)
                self.counts[name] = self.counts.get(name, 0) + 1
        texts = [
            (key, json.dumps(of_item, ensure_ascii=True, separators=(",", ":")))
            for key, of_item in zip(self._items, rows, strict=True)
            if of_item
        ]
        return {"bbox": self._boxes.finish(self._items), "segm": self._masks.finish(self._items)}, texts

    def _pool(self, pool: _Pool, truth: Sequence[Object], found: Sequence[Object], overlap: Overlap) -> None:
        place = len(self._items)
        if len(overlap.iou):
            shifted = Overlap(overlap.found + len(pool.found), overlap.truth + len(pool.truth), overlap.iou)
            pool.overlaps.append(shifted)
        pool.truth += [(place, one) for one in truth]
        pool.found += [(place, one) for one in found]

    def _overlap(
        self, kind: str, item: Item, truth: list[Object], found: list[Object], masks: dict[str, np.ndarray]
    ) -> Overlap:
        if kind == "box":
            return box_overlaps(_numbers(found), _numbers(truth))
        if kind == "cuboid":
            return cuboid_overlaps(_numbers(found), _numbers(truth))
        if kind == "category":
            by_taxonomy: dict[str, list[int]] = {}
            for j, t in enumerate(truth):
                by_taxonomy.setdefault(t.taxonomy, []).append(j)
            pairs = [(i, j) for i, p in enumerate(found) for j in by_taxonomy.get(p.taxonomy, ())]
            both = np.array(pairs, np.int64).reshape(-1, 2)
            return Overlap(both[:, 0], both[:, 1], np.ones(len(pairs)))
        if kind == "polygon":
            overlap, *flat = polygon_overlaps([one.shape for one in found], [one.shape for one in truth])
            say = self._say(item)
            for objects, places in zip((found, truth), flat, strict=True):
                for i in places:
                    say(f"polygon {objects[i].id!r} has no area, and matches nothing")
            return overlap
        names = [one.mask for one in (found[0], truth[0])]
        if any(name not in masks for name in names):
            return _NONE
        of_found, of_truth = (masks[str(name)] for name in names)
        if of_found.shape != of_truth.shape:
            sizes = [f"{one.shape[1]} × {one.shape[0]}" for one in (of_found, of_truth)]
            self._say(item)(f"the masks of predictions and truth have {sizes[0]} and {sizes[1]} pixels")
            return _NONE
        return segment_overlaps(of_found, of_truth, [one.shape for one in found], [one.shape for one in truth])

    def _read_masks(self, item: Item) -> dict[str, np.ndarray]:
        """Return the masks of an item's segmentations by their SHA-256; why one cannot be read is an error."""
        masks: dict[str, np.ndarray] = {}
        for objects, name in ((item.found, "predictions"), (item.truth, "truth")):
            segment = next((one for one in objects if one.kind == "segmentation"), None)
            if segment is None:
                continue
            if segment.mask is None:
                self._say(item)(f"the mask of its {name} lies at an address, which this server does not fetch")
            elif segment.mask not in masks:
                try:
                    masks[segment.mask] = self._read_mask(segment.mask)
                except MaskError as error:
                    self._say(item)(f"of its {name}, {error}")
        return masks

    def _say(self, item: Item) -> Callable[[str], None]:
        return lambda text: self.errors.append(f"Item {item.reference_id}: {text}"[:500])

    def _matches(self, kind: str, pool: _Pool) -> Iterable[tuple[int, Match]]:
        """Yield the matches of a kind, each with its item's place: pairs, then what is alone."""
        overlap = Overlap(*map(np.concatenate, zip(_NONE, *pool.overlaps, strict=True)))
        fits = self._fits(pool, overlap)
        allowed = np.ones(len(fits), bool) if self._agnostic else fits
        confidence = np.array([np.nan if one.confidence is None else one.confidence for _, one in pool.found])
        pairs = paired(overlap, allowed, confidence.astype(np.float64))
        single_truth, single_found = np.ones(len(pool.truth), bool), np.ones(len(pool.found), bool)
        single_truth[pairs.truth], single_found[pairs.found] = False, False
        for i, j, iou, fit in zip(
            pairs.found.tolist(),
            pairs.truth.tolist(),
            pairs.iou.tolist(),
            self._fits(pool, pairs).tolist(),
            strict=True,
        ):
            place, one = pool.found[i]
            truth = pool.truth[j][1]
            label = one.label if one.label in truth.labels else truth.label
            yield place, Match(kind, one.id, truth.id, one.label, label, iou, fit, one.confidence)
        for i in np.flatnonzero(single_found).tolist():
            place, one = pool.found[i]
            yield place, Match(kind, one.id, None, one.label, None, 0.0, False, one.confidence)
        for j in np.flatnonzero(single_truth).tolist():
            place, one = pool.truth[j]
            yield place, Match(kind, None, one.id, None, one.label, 0.0, False, None)

    @property
    def _agnostic(self) -> bool:
        return self._config.class_agnostic and not self._config.allowed

    def _fits(self, pool: _Pool, overlap: Overlap) -> np.ndarray:
        """Return which pairs have labels that are equal or allowed."""
        codes: dict[str, int] = {}
        truth = np.array([codes.setdefault(one.label, len(codes)) for _, one in pool.truth], np.int64)
        found = np.array([codes.setdefault(one.label, len(codes)) for _, one in pool.found], np.int64)
        of_truth, of_found = truth[overlap.truth], found[overlap.found]
        fits: np.ndarray = of_truth == of_found
        allowed = [codes[t] * len(codes) + codes[f] for t, f in self._config.allowed if t in codes and f in codes]
        fits |= np.isin(of_truth * len(codes) + of_found, allowed)
        several, every = np.array([bool(one.labels) for _, one in pool.truth], bool), set(self._config.allowed)
        for i in np.flatnonzero(several[overlap.truth]):
            truth_one, found_one = pool.truth[overlap.truth[i]][1], pool.found[overlap.found[i]][1]
            pairs = {(label, found_one.label) for label in truth_one.labels}
            fits[i] = found_one.label in truth_one.labels or bool(pairs & every)
        return fits


_NONE = Overlap(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def _numbers(objects: Sequence[Object]) -> np.ndarray:
    return np.array([one.shape for one in objects], np.float64)


def _counted(row: Match) -> str:
    if row.found_label is None:
        return "truth_alone"
    if row.truth_label is None:
        return "predictions_alone"
    return "true_positives" if row.true_positive else "pairs_that_do_not_fit"
