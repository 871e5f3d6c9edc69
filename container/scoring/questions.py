"""Answers about what an evaluation has: figures, charts, examples, and what these may be filtered by."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from container.errors import BadRequest
from container.evaluation.charts import charts, metrics
from container.evaluation.filters import read
from container.evaluation.narrowing import examples, narrowed
from container.evaluation.outcomes import Outcomes
from container.evaluation.sample import Sample, joined
from container.scoring.config import Config
from container.scoring.examples import Examples
from container.store import annotations, evaluations, items
from container.store.database import Connection
from container.store.evaluations import EVALUATION, Evaluation
from container.store.tables import prediction
from container.store.upserts import batches

EXAMPLES_IOU = 0.5  # at which examples are right or wrong: charts' own
MAX_FIELDS, MAX_VALUES = 200, 100  # of metadata that are listed, and of each field
ANY_LABEL = "object"  # what all labels count as where they do not count


class Questions:
    """Answers questions, and keeps the samples of the evaluation that it was asked about last."""

    def __init__(self) -> None:
        self._key = 0
        self._samples: dict[str, Sample] = {}

    def answer(self, connection: Connection, question: dict[str, Any]) -> Any:
        """Return the answer to a question about an evaluation; BadRequest says what is wrong with it.

        {"evaluation": key, "question": "metrics", "iou_type": "bbox"}
        {"evaluation": key, "question": "charts", "iou_threshold": 0.5, "filters": {…}}
        {"evaluation": key, "question": "examples", "filters": {…}, "match_type": "FP", "sort_by": "confidence",
         "ascending": False, "limit": 50, "offset": 0}
        {"evaluation": key, "question": "schema"}
        """
        one = evaluations.by_key(connection, question["evaluation"])
        if one.key != self._key:
            self._key, self._samples = one.key, {}
        kind = question.get("iou_type") or self._kind(connection, one)
        asked = Asked(connection, one, kind, self._sample(connection, one, kind), question)
        return _ANSWERS[question["question"]](asked)

    def _kind(self, connection: Connection, one: Evaluation) -> str:
        return kind_of(*(self._sample(connection, one, kind) for kind in ("bbox", "segm")))

    def _sample(self, connection: Connection, one: Evaluation, kind: str) -> Sample:
        if kind not in self._samples:
            parts = map(Sample.from_bytes, evaluations.parts(connection, one.key, kind))
            self._samples[kind] = counted(joined(parts), Config.read(one.config), one.purpose)
        return self._samples[kind]


@dataclass(frozen=True)
class Asked:
    """A question, with what it is about."""

    connection: Connection
    evaluation: Evaluation
    kind: str  # "bbox" or "segm"
    sample: Sample
    question: Mapping[str, Any]


def kind_of(boxes: Sample, masks: Sample) -> str:
    """Return what figures are about: boxes where the truth has some, else masks."""
    return "bbox" if len(boxes.truth) or not len(masks.truth) else "segm"


def counted(sample: Sample, config: Config, purpose: str) -> Sample:
    """Return a sample with the labels that count; BadRequest if the rules give an object two."""
    if purpose == EVALUATION and config.class_agnostic:
        every = dict.fromkeys(sample.labels, ANY_LABEL)
        return sample.relabelled(every, every)
    return sample.relabelled(*config.counted_as())


def _metrics(asked: Asked) -> dict[str, Any]:
    one = asked.evaluation
    truth, found = Config.read(one.config).counted_as()
    return {
        "model_run_id": one.run_id,
        "iou_type": asked.kind,
        **metrics(asked.sample),
        "counted_as": {"truth": truth, "predictions": found},
        "data_revision": one.revisions,
        "config": one.config,
        "version": one.version,
    }


def _charts(asked: Asked) -> dict[str, Any]:
    sample, rows = _narrowed(asked, asked.question["iou_threshold"])
    return charts(sample, asked.question["iou_threshold"], rows)


def _examples(asked: Asked) -> dict[str, Any]:
    question = asked.question
    sample, rows = _narrowed(asked, EXAMPLES_IOU)
    places, total = examples(
        rows,
        sample,
        match_type=question["match_type"],
        sort_by=question["sort_by"],
        ascending=question["ascending"],
        limit=question["limit"],
        offset=question["offset"],
    )
    shown = Examples(asked.connection, asked.evaluation.id, sample, rows[places])
    return {"rows": [shown.row(i) for i in range(len(places))], "total": total}


def _schema(asked: Asked) -> dict[str, Any]:
    """Return the labels that were uploaded, and of items' metadata the fields with their first values, as texts."""
    sample = asked.sample
    fields: dict[str, tuple[set[str], set[str]]] = {}
    for document in _items(asked.connection, sample.images):
        for key, value in _metadata(document).items():
            if key in fields or len(fields) < MAX_FIELDS:
                types, values = fields.setdefault(key, (set(), set()))
                types.add(_type(value))
                if len(values) < MAX_VALUES and not isinstance(value, dict | list):
                    values.add(value if isinstance(value, str) else json.dumps(value))
    return {
        "gt_labels": sorted({sample.labels[place] for place in np.unique(sample.truth.raw)}),
        "pred_labels": sorted({sample.labels[place] for place in np.unique(sample.found.raw)}),
        "metadata_fields": [
            {"key": key, "value_type": types.pop() if len(types) == 1 else "string", "values": sorted(values)}
            for key, (types, values) in sorted(fields.items())
        ],
    }


def _narrowed(asked: Asked, threshold: float) -> tuple[Sample, Outcomes]:
    try:
        filters = read(asked.question.get("filters"))
    except ValueError as error:
        raise BadRequest(f"filters: {error}") from None
    if filters.slice_ids is not None:
        raise BadRequest("filters: sliceIds names slices, and this server has none")
    sample, images, found = asked.sample, None, None
    if filters.item_metadata:
        images = np.array(
            [
                all(one.holds(_metadata(document)) for one in filters.item_metadata)
                for document in _items(asked.connection, sample.images)
            ],
            bool,
        )
    if filters.prediction_metadata:
        texts = annotations.payloads(asked.connection, prediction, sample.found.key.tolist())
        found = np.array(
            [
                all(one.holds(_metadata(json.loads(texts.get(key, "{}")))) for one in filters.prediction_metadata)
                for key in sample.found.key.tolist()
            ],
            bool,
        )
    return narrowed(sample, filters, threshold, images, found)


def _items(connection: Connection, keys: np.ndarray) -> Iterator[dict[str, Any]]:
    """Yield the JSON of items; {} for one that is gone."""
    for some in batches(keys.tolist(), items.BATCH):
        found = {one.key: one.payload for one in items.by_keys(connection, some)}
        yield from (json.loads(found.get(key, "{}")) for key in some)


def _metadata(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return document.get("metadata") or {}


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


_ANSWERS: dict[str, Callable[[Asked], Any]] = {
    "metrics": _metrics,
    "charts": _charts,
    "examples": _examples,
    "schema": _schema,
}
