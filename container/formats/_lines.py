"""Lines of text as JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from container.structures.strict_json import dump, join_array, join_object, numbers
from container.structures.texts import Reading, Word

_LINE = {
    "type": "object",
    "required": ["text", "score", "box"],
    "properties": {
        "text": {"type": "string"},
        "score": {"type": "number"},
        "box": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
    },
}
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["text", "lines"],
    "description": "Of a reader of text: x1, y1, x2, y2 in pixels of the picture",
    "properties": {"text": {"type": "string"}, "lines": {"type": "array", "items": _LINE}},
}


def line(word: Word) -> bytes:
    """`{"text": "HELLO 42", "score": 0.98, "box": [x1, y1, x2, y2]}`, the box in pixels."""
    score, *box = numbers(np.array([word.score, *word.box]))
    return dump({"text": word.text, "score": score, "box": box})


def document(reading: Reading) -> bytes:
    """`{"text": "HELLO 42", "lines": […]}` in reading order."""
    return join_object({"text": dump(reading.text), "lines": join_array(map(line, reading.joined))})
