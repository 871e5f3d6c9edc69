"""Embeddings as bytes: a JSON object each, as the formats of JSON hold them, or one array of NumPy's."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from container.formats._base import Documents, ranked
from container.structures import npy

NPY, SUFFIX = "application/x-npy", ".npy"
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["embedding"],
    "description": "Of a model that embeds pictures and texts",
    "properties": {"embedding": {"type": "array", "items": {"type": "number"}}},
}


def offered() -> dict[str, Documents | None]:
    """Return the media types in which embeddings are answered, the usual one first, with their format; NPY has none."""
    return {**{form.media_type: form for form in ranked() if isinstance(form, Documents)}, NPY: None}


def encode(vectors: np.ndarray, form: Documents | None, batch: bool) -> bytes:
    """Return float32 N×D vectors; one alone, without an array around it, unless `batch`.

    `{"embedding": […]}` in JSON, whose numbers give the vector back; without a format float32 N×D, or D, as .npy.
    """
    if form is None:
        return npy.write(vectors if batch else vectors[0])
    rows = (
        orjson.dumps({"embedding": row}, option=orjson.OPT_SERIALIZE_NUMPY) for row in np.ascontiguousarray(vectors)
    )
    return form.join([*rows], batch)
