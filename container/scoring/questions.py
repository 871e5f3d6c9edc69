"""Answers about what an evaluation has: figures, charts, examples, and what these may be filtered by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from container.evaluation.charts import metrics
from container.evaluation.sample import Sample, joined
from container.scoring.config import Config
from container.store import evaluations
from container.store.database import Connection
from container.store.evaluations import EVALUATION, Evaluation

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
    return {
        "model_run_id": one.run_id,
        "iou_type": asked.kind,
        **metrics(asked.sample),
        "data_revision": one.revisions,
        "config": one.config,
        "version": one.version,
    }


_ANSWERS: dict[str, Callable[[Asked], Any]] = {"metrics": _metrics}
