"""Embeddings as JSON, lines of it, and .npy."""

import json

import numpy as np
import pytest

from container.formats import vectors
from container.structures import npy

VECTORS = np.array([[0.1, -2.5], [1 / 3, 4e-8]], np.float32)


def test_what_is_offered() -> None:
    assert [*vectors.offered()] == ["application/json", "application/jsonlines", "application/x-npy"]


@pytest.mark.parametrize(
    ("media_type", "batch", "expected"),
    [
        ("application/json", False, '{"embedding":[0.1,-2.5]}'),
        ("application/json", True, '[{"embedding":[0.1,-2.5]},{"embedding":[0.33333334,4e-8]}]'),
        ("application/jsonlines", True, '{"embedding":[0.1,-2.5]}\n{"embedding":[0.33333334,4e-8]}\n'),
    ],
)
def test_json(media_type: str, batch: bool, expected: str) -> None:
    body = vectors.encode(VECTORS if batch else VECTORS[:1], vectors.offered()[media_type], batch)
    assert body.decode() == expected
    rows = [row for line in body.splitlines() for row in np.atleast_1d(json.loads(line))]
    np.testing.assert_array_equal(np.float32([row["embedding"] for row in rows]), VECTORS[: len(rows)])


def test_npy() -> None:
    np.testing.assert_array_equal(npy.read(vectors.encode(VECTORS, None, True)), VECTORS)
    np.testing.assert_array_equal(npy.read(vectors.encode(VECTORS[:1], None, False)), VECTORS[0])
