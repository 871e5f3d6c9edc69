"""Operations on detections."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from container.fields import Flag, Number, Word
from container.workflows import kinds, serialise
from container.workflows.operations import properties
from container.workflows.operations.base import BOXES, Detection, Operation, Rows
from container.workflows.operations.nodes import Letters, member, shown
from container.workflows.operations.scope import Scope, told
from container.workflows.operations.statements import Conditions, Statement
from container.workflows.values import Detections

PIXELS = Number(-100_000, 100_000, whole=True)
PROPERTY = Word(properties.NAMES)


@dataclass(frozen=True)
class DetectionsPropertyExtract(Operation, given=BOXES, gives=(kinds.LIST,)):
    """A property of all detections, as a list; points are [x, y] in whole pixels."""

    property_name: str = member(PROPERTY)

    def run(self, value: Any, scope: Scope) -> Any:
        found = self.detections(value)
        scope.spend(len(found))
        return properties.listed(found, self.property_name)


@dataclass(frozen=True)
class ExtractDetectionProperty(Operation, given=(kinds.ANY,), gives=(kinds.ANY,)):
    """A property of one detection, as in a filter; points are [x, y], and null is what no step has added."""

    property_name: str = member(PROPERTY)

    def run(self, value: Any, scope: Scope) -> Any:
        if not isinstance(value, Detection):
            raise self.refusal(value, "one detection, as in DetectionsFilter")
        return properties.column(value.detections[[value.index]], self.property_name)[0]

    def each(self, values: Sequence[Any], scope: Scope) -> Sequence[Any]:
        if isinstance(values, Rows):
            return properties.column(values.detections, self.property_name)
        return super().each(values, scope)


@dataclass(frozen=True)
class DetectionsFilter(Operation, given=BOXES, gives=BOXES):
    """The detections for which a statement is true; its operand “_” is each of them."""

    nested = (kinds.ANY,), (kinds.BOOLEAN,)
    filter_operation: Statement = member(Conditions())

    def run(self, value: Any, scope: Scope) -> Any:
        found = self.detections(value)
        if not len(found):
            return found
        return found[np.array(self.filter_operation.each(Rows(found), scope), bool)]


@dataclass(frozen=True)
class DetectionsSelection(Operation, given=BOXES, gives=BOXES):
    """One of the detections: the leftmost or rightmost by its middle, the most confident, the first or the last."""

    mode: str = member(Word(("left_most", "right_most", "top_confidence", "first", "last")))

    def run(self, value: Any, scope: Scope) -> Any:
        found = self.detections(value)
        if not len(found):
            return found
        return found[[self._index(found)]]

    def _index(self, found: Detections) -> int:
        if self.mode in ("first", "last"):
            return 0 if self.mode == "first" else len(found) - 1
        if self.mode == "top_confidence":
            return int(found.instances.scores.argmax())
        middles = properties.centers(found)[:, 0]
        return int(middles.argmin() if self.mode == "left_most" else middles.argmax())


@dataclass(frozen=True)
class SortDetections(Operation, given=BOXES, gives=BOXES):
    """The detections by a property, the least first unless `ascending` is false."""

    mode: str = member(Word(tuple(properties.SORTED_BY)))
    ascending: bool = member(Flag(), default=True)

    def run(self, value: Any, scope: Scope) -> Any:
        found = self.detections(value)
        keys = properties.SORTED_BY[self.mode](found)
        return found[np.argsort(keys if self.ascending else -keys, kind="stable")]


@dataclass(frozen=True)
class DetectionsOffset(Operation, given=BOXES, gives=BOXES):
    """The detections with boxes that are so many pixels wider and higher around the same middle; masks stay."""

    offset_x: int = member(PIXELS)
    offset_y: int = member(PIXELS)

    def run(self, value: Any, scope: Scope) -> Any:
        found = self.detections(value)
        boxes = found.instances.boxes
        half = (boxes[:, 2:] - boxes[:, :2]) / 2 + np.array([self.offset_x, self.offset_y], np.float32) / 2
        half, middle = half.clip(0), properties.centers(found)  # a box is a point at the least
        return _with_boxes(found, np.hstack([middle - half, middle + half]))


@dataclass(frozen=True)
class DetectionsShift(Operation, given=BOXES, gives=BOXES):
    """The detections with boxes so many pixels further right and down; masks stay."""

    shift_x: int = member(PIXELS)
    shift_y: int = member(PIXELS)

    def run(self, value: Any, scope: Scope) -> Any:
        found = self.detections(value)
        return _with_boxes(found, found.instances.boxes + np.array([self.shift_x, self.shift_y] * 2, np.float32))


def _with_boxes(found: Detections, boxes: np.ndarray) -> Detections:
    return replace(found, instances=replace(found.instances, boxes=boxes.astype(np.float32)))


@dataclass(frozen=True)
class ClassMaps:
    """New names of classes by the old ones, or the name of a parameter that holds them."""

    words = 'an object such as {"cat": "animal"}, or the name of a parameter'

    def convert(self, value: object) -> dict[str, str] | str:
        """Return a JSON value; ValueError if it is neither."""
        if isinstance(value, str):
            return value
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value.values()):
            raise ValueError
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"anyOf": [{"type": "object", "additionalProperties": {"type": "string"}}, {"type": "string"}]}


@dataclass(frozen=True)
class FlagOrName:
    """True, false, or the name of a parameter that is one of them."""

    words = "true, false, or the name of a parameter"

    def convert(self, value: object) -> bool | str:
        """Return a JSON value; ValueError if it is neither."""
        if not isinstance(value, bool | str):
            raise ValueError
        return value

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        return {"type": ["boolean", "string"]}


@dataclass(frozen=True)
class DetectionsRename(Operation, given=BOXES, gives=BOXES):
    """The detections with other names of classes.

    If `strict`, every class needs a new name, and ids count from 0 in the order of the alphabet; else, other classes
    keep name and id, and new names get ids from `new_classes_id_offset` on.
    """

    class_map: dict[str, str] | str = member(ClassMaps())
    strict: bool | str = member(FlagOrName(), default=True)
    new_classes_id_offset: int = member(Number(0, 1_000_000, whole=True), default=1024)

    def run(self, value: Any, scope: Scope) -> Any:
        found = self.detections(value)
        names, strict = self._names(scope), self._strict(scope)
        scope.spend(len(names) + len(found))
        labels = found.instances.labels
        if strict:
            missing = next((label for label in labels if label not in names), None)
            if missing is not None:
                raise self.failure(
                    f"has no new name for class {shown(missing)}; add it to class_map, or set strict false"
                )
            ids = {name: i for i, name in enumerate(sorted(set(names.values())))}
        else:
            ids = dict(zip(labels, found.instances.classes.tolist(), strict=True))
            new = sorted(set(names.values()) - set(ids))
            ids |= {name: self.new_classes_id_offset + i for i, name in enumerate(new)}
        renamed = tuple(names.get(label, label) for label in labels)
        classes = np.array([ids[name] for name in renamed], np.int64)
        return replace(found, instances=replace(found.instances, labels=renamed, classes=classes))

    def _names(self, scope: Scope) -> Mapping[str, str]:
        given = scope.get(self.class_map) if isinstance(self.class_map, str) else self.class_map
        try:
            if not isinstance(given, dict):
                raise ValueError
            return ClassMaps().convert(given)  # type: ignore[return-value]  # an object gives an object
        except ValueError:
            raise self.failure(f"takes an object of names as class_map, and got {told(given)}") from None

    def _strict(self, scope: Scope) -> bool:
        given = scope.get(self.strict) if isinstance(self.strict, str) else self.strict
        if not isinstance(given, bool):
            raise self.failure(f"takes true or false as strict, and got {told(given)}")
        return given


@dataclass(frozen=True)
class DetectionsToDictionary(Operation, given=BOXES, gives=(kinds.DICTIONARY,)):
    """The detections as in an answer, in coordinates of the picture that they were found in."""

    def run(self, value: Any, scope: Scope) -> Any:
        found = self.detections(value)
        scope.check()
        return json.loads(serialise.detections(found))


@dataclass(frozen=True)
class PickDetectionsByParentClass(Operation, given=BOXES, gives=BOXES):
    """The detections of one class, and after them those others whose middle lies in the box of one of these."""

    parent_class: str = member(Letters())

    def run(self, value: Any, scope: Scope) -> Any:
        found = self.detections(value)
        parents = np.array([label == self.parent_class for label in found.instances.labels], bool)
        scope.spend(len(found) + int(parents.sum()) * int((~parents).sum()))
        middles, boxes = properties.centers(found)[:, None], found.instances.boxes[parents][None]
        inside = ((boxes[..., :2] <= middles) & (middles <= boxes[..., 2:])).all(axis=2).any(axis=1)
        return found[np.concatenate([np.flatnonzero(parents), np.flatnonzero(~parents & inside)])]
