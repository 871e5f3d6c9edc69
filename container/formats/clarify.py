"""“clarify”: what SageMaker Clarify reads of an object detector."""

from collections.abc import Sequence

import numpy as np

from container.formats._base import Format, add
from container.structures import Choice, Result
from container.structures.strict_json import dump, numbers


class Clarify(Format):
    """A list of pictures, each a list of `[class_id, score, x1, y1, x2, y2]`, boxes in 0–1 of width and height."""

    name, media_type, rank = "clarify", "application/json", 4
    batches = True
    schemas = (
        {
            "type": "array",
            "items": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
            "description": "For SageMaker Clarify: class_id, score, x1, y1, x2, y2 in 0-1",
        },
    )
    text = True
    doc = "JSON as SageMaker Clarify reads it"
    suffix = ".json"

    def needs_masks(self, choice: Choice) -> bool:
        """Return False."""
        return False

    def encode(self, result: Result, choice: Choice) -> bytes:
        """A list of one picture."""
        return self.encode_batch([result], choice)

    def encode_batch(self, results: Sequence[Result], choice: Choice) -> bytes:
        """A list of N pictures."""
        return dump([_rows(result) for result in results])


def _rows(result: Result) -> list[list[object]]:
    instances = result.prediction.instances().finite()
    height, width = instances.image_size
    boxes = np.clip(instances.boxes / np.array([width, height, width, height], np.float32), 0, 1)
    numeric = numbers(np.column_stack([instances.scores, boxes]))
    return [[class_id, *row] for class_id, row in zip(instances.classes.tolist(), numeric, strict=True)]


add(Clarify())
