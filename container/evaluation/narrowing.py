"""Part of a sample and its outcomes: what filters leave, and pages of examples.

sample, rows = narrowed(sample, read({"confidenceRange": {"min": 0.5}}), 0.5)
places, total = examples(rows, sample, match_type="FP", sort_by="confidence", ascending=False, limit=50)
"""

from collections.abc import Callable, Collection
from typing import Literal, cast

import numpy as np

from container.evaluation.filters import Filters
from container.evaluation.outcomes import KINDS, Outcomes, outcomes
from container.evaluation.sample import Sample, Side
from container.evaluation.tide import Fault

MatchType = Literal["TP", "FP", "FN"]
SortBy = Literal["confidence", "iou", "dataset_item_id", "gt_area"]


def narrowed(
    sample: Sample,
    filters: Filters,
    threshold: float,
    images: np.ndarray | None = None,
    found: np.ndarray | None = None,
) -> tuple[Sample, Outcomes]:
    """Return what is left of a sample, and its outcomes at an IoU threshold.

    Images and predictions are also left out where the bool arrays of the caller, if any, are False. A filter on rows
    leaves the objects and predictions in the rows that it keeps, and no crowds.
    """
    every = np.ones(len(sample.images), bool) if images is None else images
    seen = np.ones(len(sample.found), bool) if found is None else found
    there = np.ones(len(sample.truth), bool)
    if filters.confidence_range is not None:
        seen = seen & filters.confidence_range.holds(sample.found.score)
    if filters.pred_labels is not None:
        seen = seen & _labelled(sample, sample.found, filters.pred_labels)
    if filters.gt_labels is not None:
        there &= _labelled(sample, sample.truth, filters.gt_labels)
    if filters.gt_area_range is not None:
        there &= filters.gt_area_range.holds(sample.truth.area)
    sample = sample.kept(every, there, seen)
    rows = outcomes(sample, threshold)
    kept = _fitting(sample, rows, filters)
    return (sample, rows) if kept is None else _of_rows(sample, rows[kept])


def examples(
    rows: Outcomes,
    sample: Sample,
    *,
    match_type: MatchType | None = None,
    sort_by: SortBy | None = None,
    ascending: bool = True,
    limit: int,
    offset: int = 0,
) -> tuple[np.ndarray, int]:
    """Return the places of one page of rows, and how many rows there are on all pages.

    Equal ones stay in the order of the rows, in both directions; those without a value come last.
    """
    places = np.arange(len(rows))
    if match_type is not None:
        places = np.flatnonzero(rows.kind == KINDS.index(match_type))
    if sort_by is not None:
        values = _VALUES[sort_by](rows, sample)[places]
        places = places[np.argsort(values if ascending else -values, kind="stable")]  # NaN goes to the end
    return places[offset : offset + limit], len(places)


def _fitting(sample: Sample, rows: Outcomes, filters: Filters) -> np.ndarray | None:
    """Return which rows are kept; None where no filter is about rows."""
    both = (rows.found >= 0) & (rows.truth >= 0)
    same = np.zeros(len(rows), bool)
    same[both] = sample.found.label[rows.found[both]] == sample.truth.label[rows.truth[both]]
    conditions = []
    if filters.iou_range is not None:
        conditions.append(filters.iou_range.holds(rows.iou))
    if filters.label_equality is not None:
        conditions.append(both & (same == (filters.label_equality == "EQ")))
    if filters.has_ground_truth is not None:
        conditions.append((rows.truth >= 0) == filters.has_ground_truth)
    if filters.tide_background is not None:
        conditions.append((rows.fault == Fault.BACKGROUND) == filters.tide_background)
    return np.logical_and.reduce(conditions) if conditions else None


def _of_rows(sample: Sample, rows: Outcomes) -> tuple[Sample, Outcomes]:
    there, seen = (_marked(side, places) for side, places in ((sample.truth, rows.truth), (sample.found, rows.found)))
    moved = Outcomes(rows.kind, _moved(seen, rows.found), _moved(there, rows.truth), rows.iou, rows.fault)
    return sample.kept(np.ones(len(sample.images), bool), there, seen), moved


def _marked(side: Side, places: np.ndarray) -> np.ndarray:
    marked = np.zeros(len(side), bool)
    marked[places[places >= 0]] = True
    return marked


def _moved(kept: np.ndarray, places: np.ndarray) -> np.ndarray:
    table = np.append(np.cumsum(kept) - 1, -1)
    return cast(np.ndarray, table[places])  # a place of -1 is the last and stays -1


def _labelled(sample: Sample, side: Side, labels: Collection[str]) -> np.ndarray:
    table = np.array([label in labels for label in sample.labels], bool)
    return cast(np.ndarray, table[side.label] | table[side.raw])


def _value(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return values at places, NaN at -1."""
    return cast(np.ndarray, np.append(values.astype(float), np.nan)[places])


_VALUES: dict[str, Callable[[Outcomes, Sample], np.ndarray]] = {
    "confidence": lambda rows, sample: _value(sample.found.score, rows.found),
    "iou": lambda rows, sample: rows.iou,
    "gt_area": lambda rows, sample: _value(sample.truth.area, rows.truth),
    "dataset_item_id": lambda rows, sample: np.where(
        rows.found >= 0, _value(sample.found.image, rows.found), _value(sample.truth.image, rows.truth)
    ),
}
