"""What a second model says that the crops of detections are."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from container.fields import Name, Number
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.errors import StepFailed
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.serialise import Serialisable
from container.workflows.values import Detections, new_id


class Label(NamedTuple):
    """A class with its score."""

    name: str
    class_id: int
    confidence: float


class DetectionsClassesReplacement(Block):
    """Detections with other classes."""

    ids = "roboflow_core/detections_classes_replacement@v1", "DetectionsClassesReplacement"
    title = "Detections classes replacement"
    doc = "Gives detections the classes that a second model or a text reader found in their crops."
    fields = (
        Field("object_detection_predictions", "The detections, of which the crops were made", kinds=kinds.DETECTIONS),
        Field(
            "classification_predictions",
            "What was found in each crop: classes, which are assigned by the crop's id, or texts, by their order",
            kinds=(kinds.CLASSIFICATION, kinds.LIST, kinds.STRING),
            level=1,
        ),
        Field(
            "fallback_class_name",
            "The class of detections for which nothing was found; without it they are left out",
            Name(200),
            (kinds.STRING,),
            None,
        ),
        Field(
            "fallback_class_id",
            "The id of that class; without it, and if negative, the largest number there is",
            Number(-1, 2**31 - 1, whole=True),
            (kinds.INTEGER,),
            None,
        ),
    )
    outputs = (Output("predictions", kinds.DETECTIONS),)
    takes_missing = True

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        if row["object_detection_predictions"] is None:
            return {"predictions": None}
        detections = _rows.detections(row, "object_detection_predictions")
        found = _found(detections, row["classification_predictions"] or [])
        name, class_id = (_rows.value(self, row, f"fallback_class_{part}") for part in ("name", "id"))
        if name:
            other = Label(name, sys.maxsize if class_id is None or class_id < 0 else class_id, 0.0)
            found = [label or other for label in found]
        return {"predictions": _relabelled(detections, found)}


def _found(detections: Detections, predictions: Sequence[Any]) -> list[Label | None]:
    """Return the label of each detection; None if nothing was found for it."""
    documents = [one.document(True) if isinstance(one, Serialisable) else one for one in predictions]
    if any(isinstance(one, str | list) for one in documents):
        labels = [_leading(one) for one in documents[: len(detections)]]
        return labels + [None] * (len(detections) - len(labels))
    by_crop = {_parent(one): _leading(one) for one in documents if one is not None}
    return [by_crop.get(name) for name in detections.ids]


def _parent(prediction: object) -> Any:
    if not isinstance(prediction, Mapping) or not isinstance(prediction.get("parent_id"), str):
        raise StepFailed("classification_predictions holds neither classes of crops nor texts")
    return prediction["parent_id"]


def _leading(prediction: Any) -> Label | None:
    """Return the best label of one crop; None if it has none."""
    if isinstance(prediction, list):
        prediction = prediction[0] if prediction else None
    if isinstance(prediction, str):
        return Label(prediction, 0, 1.0)
    if not isinstance(prediction, Mapping):
        return None
    try:
        classes = prediction["predictions"]
        if isinstance(classes, Mapping):  # of several, which may all be true
            labels = [_label(name, one) for name, one in classes.items()]
            labels = labels if prediction.get("predicted_classes") else []
        else:
            labels = [_label(one["class"], one) for one in classes]
            labels = [label for label in labels if label.name == prediction["top"]]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise StepFailed("classification_predictions holds an object that is no classification") from None
    return max(labels, key=lambda label: label.confidence, default=None)


def _label(name: object, one: Mapping[str, Any]) -> Label:
    return Label(str(name), int(np.int64(one["class_id"])), float(one["confidence"]))


def _relabelled(detections: Detections, found: Sequence[Label | None]) -> Detections:
    """Return those detections that have a label, with it."""
    labels = [label for label in found if label is not None]
    kept = detections[np.array([label is not None for label in found], bool)]
    instances = replace(
        kept.instances,
        scores=np.array([label.confidence for label in labels], np.float32),
        classes=np.array([label.class_id for label in labels], np.int64),
        labels=tuple(label.name for label in labels),
    )
    return replace(kept, instances=instances, ids=tuple(new_id() for _ in labels))


add(DetectionsClassesReplacement())
