"""Examples of what is right and wrong, with the ids and the metadata of what they are about, as clients read them."""

import json
import math
from typing import Any

from container.evaluation.outcomes import KINDS, TP, Outcomes
from container.evaluation.sample import Sample, Side
from container.store import annotations, items
from container.store.database import Connection
from container.store.tables import annotation, prediction

MAX_SHOWN = 8 << 20  # characters of JSON of objects and items on one page; later rows come without


class Examples:
    """Some rows; what was deleted since the evaluation has no ids and no metadata."""

    def __init__(self, connection: Connection, evaluation_id: str, sample: Sample, rows: Outcomes) -> None:
        self._evaluation_id = evaluation_id
        self._sample = sample
        self._rows = rows
        truth, found = _keys(sample.truth, rows.truth), _keys(sample.found, rows.found)
        self._truth = annotations.payloads(connection, annotation, truth)
        self._found = annotations.payloads(connection, prediction, found)
        images = [int(sample.images[self._image(i)]) for i in range(len(rows))]
        self._items = {one.key: one for one in items.by_keys(connection, images)}
        self._shown = 0

    def row(self, i: int) -> dict[str, Any]:
        """Return the row at a place."""
        sample, rows = self._sample, self._rows
        truth, found = int(rows.truth[i]), int(rows.found[i])
        truth_key = int(sample.truth.key[truth]) if truth >= 0 else 0
        found_key = int(sample.found.key[found]) if found >= 0 else 0
        item_key = int(sample.images[self._image(i)])
        item = self._items.get(item_key)
        texts = self._truth.get(truth_key), self._found.get(found_key), item and item.payload
        annotation_row, prediction_row, of_item = (json.loads(text) if text else None for text in texts)
        self._shown += sum(len(text) for text in texts if text)
        full = self._shown > MAX_SHOWN
        kind = KINDS[rows.kind[i]]
        return {
            "id": f"{self._evaluation_id}-{item_key}-{found_key}-{truth_key}",
            "evaluation_id": self._evaluation_id,
            "dataset_item_id": item.id if item else "",
            "model_prediction_id": _id(prediction_row),
            "ground_truth_annotation_id": _id(annotation_row),
            "pred_canonical_label": _label(sample, sample.found.label, found),
            "gt_canonical_label": _label(sample, sample.truth.label, truth),
            "pred_raw_label": _label(sample, sample.found.raw, found),
            "gt_raw_label": _label(sample, sample.truth.raw, truth),
            "iou": _number(rows.iou[i]),
            "confidence": _number(sample.found.score[found]) if found >= 0 else None,
            "true_positive": kind == TP,
            "match_type": kind,
            "gt_area": _number(sample.truth.area[truth]) if truth >= 0 else None,
            "item_metadata": None if full or of_item is None else of_item.get("metadata") or {},
            "prediction_metadata": None if full or prediction_row is None else prediction_row.get("metadata"),
            "prediction_row": None if full else prediction_row,
            "annotation_row": None if full else annotation_row,
        }

    def _image(self, i: int) -> int:
        found, truth = self._rows.found[i], self._rows.truth[i]
        return int(self._sample.found.image[found] if found >= 0 else self._sample.truth.image[truth])


def _keys(side: Side, places: Any) -> list[int]:
    keys: list[int] = side.key[places[places >= 0]].tolist()
    return keys


def _id(document: dict[str, Any] | None) -> str | None:
    id = None if document is None else document.get("annotation_id")
    return None if id is None else str(id)


def _label(sample: Sample, labels: Any, place: int) -> str | None:
    return sample.labels[labels[place]] if place >= 0 else None


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
