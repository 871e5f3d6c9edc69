"""What a model has found in a picture, as objects of the store: boxes, outlines of masks, and classes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from container.store.checks import MAX_NAME, can_be_kept
from container.store.objects import Row
from container.store.recorded import Answer, Served, item_row
from container.structures import Classification, Instances, Prediction
from container.structures.strict_json import numbers

MAX_POINTS = 2000  # of an outline; of a longer one every second point is kept, or every third …
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
MAX_CLASSES = 100  # of a picture's classes with their probabilities


@dataclass(frozen=True, eq=False)
class Answered:
    """A picture that was answered: as little as can be, since a request waits until it is made."""

    served: Served
    label: str  # of the model in metrics
    reference: str  # that the request has named, "" for none
    request_id: str
    number: int  # of the picture in its request, from 0
    prediction: Prediction
    moment: float  # seconds since 1970

    @property
    def reference_id(self) -> str:
        """The reference of the picture's item: the named one or the request's id, with the number but in the first."""
        name = self.reference if self.reference and can_be_kept(self.reference) else self.request_id
        more = f"/{self.number}" if self.number else ""
        return name[: MAX_NAME - len(more)] + more


def as_objects(answered: Answered, rest: Callable[[], object]) -> Answer:
    """Return the answer as it is stored, without objects whose labels the store does not take.

    `rest` is called after each object. They are what `read_object` would make of them; to ask it took twice as long.
    """
    reference_id, found = answered.reference_id, answered.prediction
    document: dict[str, Any] = {"reference_id": reference_id, "metadata": {}}
    rows: list[Row] = []
    made = _category(found) if isinstance(found, Classification) else _instances(found.instances().finite())
    for key, members, geometry in made:
        label = members["label"]
        if len(label) <= MAX_NAME and can_be_kept(label):
            text = _ENCODE({**document, **members})
            text = f'{text[:-1]},"geometry":{geometry}}}' if geometry else text
            rows.append(Row(reference_id, None, None, members["type"], key, label, members["confidence"], text))
        rest()
    return Answer(item_row(reference_id, answered.request_id, found.image_size, answered.moment), rows)


# The key of an object below its item, its members, and its geometry as JSON.
_Object = tuple[str, dict[str, Any], str]


def _instances(found: Instances) -> Iterator[_Object]:
    """Yield the box of each instance, and the outer line of the largest part of its mask."""
    scores = numbers(np.clip(found.scores, 0, 1))
    for i, (left, top, right, bottom) in enumerate(numbers(found.boxes)):
        common = {"label": found.labels[i], "confidence": scores[i]}
        width, height = max(0.0, right - left), max(0.0, bottom - top)
        box = f'{{"x":{left!r},"y":{top!r},"width":{width!r},"height":{height!r}}}'
        name = f"box {i}"
        yield f"a:{name}", {"type": "box", "annotation_id": name, **common}, box
        if found.masks is None:
            continue
        outline = found.masks.outline(i)
        if len(outline):
            outline = outline[:: 1 + (len(outline) - 1) // MAX_POINTS]
            name = f"outline {i}"
            yield f"a:{name}", {"type": "polygon", "annotation_id": name, **common}, _vertices(outline)


def _vertices(outline: np.ndarray) -> str:
    """Return int N×2 of (x, y) as JSON, made of "[[1, 2], [3, 4]]"; point by point it took twice as long."""
    points = str(outline.tolist())[2:-2].replace("], [", '},{"x":').replace(", ", ',"y":')
    return f'{{"vertices":[{{"x":{points}}}]}}'


def _category(found: Classification) -> Iterator[_Object]:
    """Yield the best class of a picture, with the probabilities of all that were answered; nothing without any."""
    shares = dict(zip(found.labels, numbers(np.clip(found.scores, 0, 1)), strict=True))
    best = sorted(shares, key=lambda label: -shares[label])[:MAX_CLASSES]
    if best:
        of_classes = {label: shares[label] for label in best}
        yield "c:", {"type": "category", "label": best[0], "confidence": shares[best[0]], "class_pdf": of_classes}, ""
