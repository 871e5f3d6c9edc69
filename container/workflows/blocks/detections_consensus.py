"""What several models agree on."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from container.cancellation import checkpoint
from container.errors import shown
from container.fields import MAX_NAMES, Flag, Names, Number, Word
from container.ops.overlap import box_ious, intersection
from container.structures import CroppedMasks, Instances, Masks
from container.structures.masks import tight_box
from container.workflows import kinds
from container.workflows.blocks import _rows
from container.workflows.blocks._joining import joined, packed, united
from container.workflows.errors import StepFailed
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.values import Detections, new_id

COUNT = Number(1, 1_000_000, whole=True)
AGGREGATIONS = Word(("average", "max", "min"))
_OF: Mapping[str, Callable[[np.ndarray], Any]] = {"average": np.mean, "max": np.max, "min": np.min}


@dataclass(frozen=True)
class Counts:
    """A number of objects, or one for each of some classes."""

    words = 'a whole number from 1, or an object with one for each class, such as {"person": 2}'

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema."""
        by_class = {"type": "object", "additionalProperties": COUNT.schema, "maxProperties": MAX_NAMES}
        return {"anyOf": [COUNT.schema, by_class]}

    def convert(self, value: object) -> int | dict[str, int]:
        """Return it; ValueError, which says of which class the number is none."""
        if not isinstance(value, Mapping):
            return int(COUNT.convert(value))
        if len(value) > MAX_NAMES:
            raise ValueError
        counts = {}
        for name, count in value.items():
            try:
                counts[str(name)] = int(COUNT.convert(count))
            except ValueError:
                raise ValueError(f"the value of {shown(str(name))} is not {COUNT.words}") from None
        return counts


class DetectionsConsensus(Block):
    """Detections that enough models share."""

    ids = "roboflow_core/detections_consensus@v1", "DetectionsConsensus"
    title = "Detections consensus"
    doc = "Makes one detection of those of several models that overlap, where enough models have found one."
    fields = (
        Field(
            "predictions_batches",
            "What each model has found in the same picture",
            kinds=kinds.DETECTIONS,
            aliases=("predictions",),
            holds="list",
        ),
        Field("required_votes", "How many models must have found an object", COUNT, (kinds.INTEGER,)),
        Field("class_aware", "Whether they must agree on its class", Flag(), (kinds.BOOLEAN,), True),
        Field("iou_threshold", "The IoU of boxes above which they are one", Number(0, 1), (kinds.FRACTION,), 0.3),
        Field("confidence", "The least confidence of what was made", Number(0, 1), (kinds.FRACTION,), 0.0),
        Field("classes_to_consider", "The classes to look at; null is all", Names(), (kinds.LIST,), None),
        Field(
            "required_objects",
            "How many objects there must be for `object_present`, of any class or of each",
            Counts(),
            (kinds.INTEGER, kinds.DICTIONARY),
            None,
        ),
        Field("presence_confidence_aggregation", "What of the objects' confidences is `presence_confidence`",
              AGGREGATIONS, (), "max"),
        Field("detections_merge_confidence_aggregation",
              "The confidence of what was made; its class is the most frequent one, or that of the most or least sure",
              AGGREGATIONS, (), "average"),
        Field("detections_merge_coordinates_aggregation", "Its box: the mean, the largest or the smallest",
              AGGREGATIONS, (), "average"),
        Field("detections_merge_mask_aggregation", "Its mask, around which its box then is; none if a model gives none",
              Word(("union", "intersection", "max", "min")), (), "union"),
    )  # fmt: skip
    outputs = (
        Output("predictions", (kinds.OBJECTS, kinds.MASKS)),
        Output("object_present", (kinds.BOOLEAN, kinds.DICTIONARY)),
        Output("presence_confidence", (kinds.FRACTION, kinds.DICTIONARY)),
    )

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        given = row["predictions_batches"]
        sources = [_rows.detections({"predictions_batches": one}, "predictions_batches") for one in given]
        if not sources:
            raise StepFailed("predictions_batches is empty; it takes what one or more models have found")
        names = _rows.value(self, row, "classes_to_consider")
        if names:
            sources = [one[np.array([label in names for label in one.instances.labels], bool)] for one in sources]
        everything = joined(_alike(sources), sources[0].frame, step)
        models = np.repeat(np.arange(len(sources)), [len(one) for one in sources])
        rule = _Rule(
            *(
                _rows.value(self, row, name)
                for name in ("required_votes", "class_aware", "iou_threshold", "confidence")
            ),
            *(row[f"detections_merge_{of}_aggregation"] for of in ("confidence", "coordinates", "mask")),
        )
        instances = _merged(everything.instances, [*_groups(everything.instances, models, rule)], rule, step)
        ids = tuple(new_id() for _ in range(len(instances)))
        required, aggregated = _rows.value(self, row, "required_objects"), _OF[row["presence_confidence_aggregation"]]
        presence = _presence(instances, required, rule.class_aware, aggregated)
        return {
            "predictions": replace(everything, instances=instances, ids=ids),
            "object_present": presence is not None,
            "presence_confidence": presence or {},
        }


@dataclass(frozen=True)
class _Rule:
    votes: int
    class_aware: bool
    iou_threshold: float
    confidence: float
    scores: str  # how those of a group become one
    boxes: str
    masks: str


def _alike(sources: Sequence[Detections]) -> list[Detections]:
    """Return detections that can be joined: without keypoints, and without masks if some have none."""
    masked = all(one.instances.masks is not None for one in sources if len(one))
    return [
        replace(
            one,
            instances=replace(one.instances, masks=one.instances.masks if masked else None, keypoints=None),
            data={},
        )
        for one in sources
    ]


def _groups(instances: Instances, models: np.ndarray, rule: _Rule) -> Iterator[list[int]]:
    """Yield the indices of what is one object: of each model at most one, that which overlaps the first most.

    Args:
        instances: those of all models.
        models: int64 N, the number of the model that each is of.
    """
    labels, free = np.array(instances.labels, object), np.ones(len(instances), bool)
    for i in range(len(instances)):
        checkpoint()
        if not free[i]:
            continue
        rivals = free & (models != models[i])
        if rule.class_aware:
            rivals &= labels == labels[i]
        others = np.flatnonzero(rivals)
        ious = box_ious(instances.boxes[i], instances.boxes[others])
        best: dict[int, int] = {}  # of each model
        for k in np.argsort(-ious, kind="stable").tolist():
            if ious[k] > rule.iou_threshold:
                best.setdefault(int(models[others[k]]), int(others[k]))
        group = [i, *(best[model] for model in sorted(best))]
        if len(group) >= rule.votes and _OF[rule.scores](instances.scores[group]) >= np.float32(rule.confidence):
            free[group] = False
            yield group


def _merged(instances: Instances, groups: list[list[int]], rule: _Rule, step: Step) -> Instances:
    """Return one instance for each group."""
    named = [_class(instances, group, rule.scores) for group in groups]
    masks = None if instances.masks is None else _masks(instances.masks, groups, rule.masks, step)
    if masks is None:
        boxes = [_box(instances.boxes[group], rule.boxes) for group in groups]
    else:
        boxes = [_around(masks, i) for i in range(len(masks))]
    return Instances(
        instances.image_size,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array([_OF[rule.scores](instances.scores[group]) for group in groups], np.float32),
        np.array([instances.classes[i] for i in named], np.int64),
        tuple(instances.labels[i] for i in named),
        masks,
    )


def _class(instances: Instances, group: list[int], mode: str) -> int:
    """Return which of a group has the class of all of it."""
    if mode == "average":
        counts = Counter((instances.labels[i], int(instances.classes[i])) for i in group)
        return next(i for i in group if (instances.labels[i], instances.classes[i]) == counts.most_common(1)[0][0])
    return group[_extreme(instances.scores[group], mode)]


def _box(boxes: np.ndarray, mode: str) -> np.ndarray:
    """Return the box of a group, xyxy."""
    if mode == "average":
        return np.asarray(boxes.mean(axis=0))
    return np.asarray(boxes[_extreme((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), mode)])


def _masks(masks: Masks, groups: list[list[int]], mode: str, step: Step) -> Masks:
    """Return the mask of each group."""
    if mode == "union":
        return united(masks, groups, step)
    if mode == "intersection":
        common = [packed(intersection([masks.crop(i) for i in group]), step) for group in groups]
        return CroppedMasks(tuple(common), masks.image_size)
    areas = [[np.count_nonzero(masks.crop(i)[0]) for i in group] for group in groups]
    chosen = [group[_extreme(np.array(sizes), mode)] for group, sizes in zip(groups, areas, strict=True)]
    return masks[np.array(chosen, np.int64)]


def _around(masks: Masks, i: int) -> np.ndarray:
    """Return the box around a mask, xyxy."""
    crop, x, y = masks.crop(i)
    return np.array(tight_box(crop)) + [x, y, x, y]


def _extreme(values: np.ndarray, mode: str) -> int:
    return int(np.argmax(values) if mode == "max" else np.argmin(values))


def _presence(
    instances: Instances, required: int | Mapping[str, int] | None, class_aware: bool, aggregated: Callable[[Any], Any]
) -> dict[str, float] | None:
    """Return a confidence for each class, or for any object; None if there are fewer objects than required."""
    counts = Counter(instances.labels)
    if isinstance(required, Mapping):
        least = 0 if class_aware else sum(required.values())
        lacking = class_aware and any(counts[name] < count for name, count in required.items())
    else:
        least, lacking = required or 0, False
    if not len(instances) or lacking or len(instances) < least:
        return None
    if not class_aware:
        return {"any_object": float(aggregated(instances.scores))}
    labels = np.array(instances.labels, object)
    return {name: float(aggregated(instances.scores[labels == name])) for name in counts}


add(DetectionsConsensus())
