"""What a model has found in a picture, as objects of the store: boxes, outlines of masks, and classes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from container.store.checks import MAX_NAME, can_be_kept
from container.store.derived import Derived
from container.store.objects import Row, read_object
from container.store.recorded import Answer, Served, item_row
from container.structures import Classification, Instances, Prediction
from container.structures.strict_json import numbers

MAX_POINTS = 2000  # of an outline; of a longer one every second point is kept, or every third …
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
    """Return the answer as it is stored; what the store does not take, such as labels of 1,001 letters, is left out.

    `rest` is called after each object.
    """
    reference_id, found = answered.reference_id, answered.prediction
    if isinstance(found, Classification):
        documents = _category(found)
    else:
        documents = _instances(found.instances().finite())
    rows: list[Row] = []
    for document in documents:
        document["reference_id"] = reference_id
        row = read_object(document, json.dumps(document, separators=(",", ":")), truth=False, derived=Derived())
        if not isinstance(row, str):
            rows.append(row)
        rest()
    return Answer(item_row(reference_id, answered.request_id, found.image_size, answered.moment), rows)


def _instances(found: Instances) -> Iterator[dict[str, Any]]:
    """Yield the box of each instance, and the outer line of the largest part of its mask."""
    scores = numbers(found.scores)
    for i, (left, top, right, bottom) in enumerate(numbers(found.boxes)):
        common = {"label": found.labels[i], "confidence": scores[i], "metadata": {}}
        box = {"x": left, "y": top, "width": max(0.0, right - left), "height": max(0.0, bottom - top)}
        yield {"type": "box", "annotation_id": f"box {i}", "geometry": box, **common}
        if found.masks is None:
            continue
        outline = found.masks.outline(i)
        outline = outline[:: 1 + (len(outline) - 1) // MAX_POINTS]
        if len(outline):
            points = [{"x": x, "y": y} for x, y in outline.tolist()]
            yield {"type": "polygon", "annotation_id": f"outline {i}", "geometry": {"vertices": points}, **common}


def _category(found: Classification) -> Iterator[dict[str, Any]]:
    """Yield the best class of a picture, with the probabilities of all that were answered; nothing without any."""
    shares = dict(zip(found.labels, numbers(found.scores), strict=True))
    best = sorted(shares, key=lambda label: -shares[label])[:MAX_CLASSES]
    if best:
        yield {
            "type": "category",
            "label": best[0],
            "confidence": shares[best[0]],
            "class_pdf": {label: shares[label] for label in best},
            "metadata": {},
        }
