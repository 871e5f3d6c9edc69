"""A confidence of its own for each class."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from container.errors import shown
from container.fields import MAX_NAMES, Number
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.manifest import Block, Field, Output, Row, Step, add

CONFIDENCE = Number(0, 1)


@dataclass(frozen=True)
class Thresholds:
    """A confidence for each of some classes."""

    words = 'an object with a confidence for each class, such as {"person": 0.9, "dog": 0.5}'

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": "object", "additionalProperties": CONFIDENCE.schema, "maxProperties": MAX_NAMES}

    def convert(self, value: object) -> dict[str, float]:
        """Return it; ValueError, which says of which class the confidence is none."""
        if not isinstance(value, Mapping) or len(value) > MAX_NAMES:
            raise ValueError
        thresholds = {}
        for name, threshold in value.items():
            try:
                thresholds[str(name)] = CONFIDENCE.convert(threshold)
            except ValueError:
                raise ValueError(f"the value of {shown(str(name))} is not {CONFIDENCE.words}") from None
        return thresholds


class PerClassConfidenceFilter(Block):
    """Detections that are sure enough for their class."""

    ids = ("roboflow_core/per_class_confidence_filter@v1",)
    title = "Confidence filter per class"
    doc = "Keeps detections whose confidence is at least that of their class."
    fields = (
        Field("predictions", "The detections to filter", kinds=kinds.DETECTIONS),
        Field("class_thresholds", "The least confidence of each class", Thresholds(), (kinds.DICTIONARY,)),
        Field("default_threshold", "The least confidence of all other classes", CONFIDENCE, (kinds.FRACTION,), 0.3),
    )
    outputs = (Output("predictions", kinds.DETECTIONS),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        detections = _rows.detections(row, "predictions")
        thresholds, default = (_rows.value(self, row, name) for name in ("class_thresholds", "default_threshold"))
        least = np.array([thresholds.get(label, default) for label in detections.instances.labels], np.float32)
        return {"predictions": detections[detections.instances.scores >= least]}


add(PerClassConfidenceFilter())
