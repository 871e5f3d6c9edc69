"""Pictures, and what a request of each version is made of."""

import base64
from typing import Any

import numpy as np
import pytest

GREY = np.full((30, 40, 3), 128, np.uint8)


def as_value(data: bytes) -> dict[str, str]:
    """A picture as v1 takes it."""
    return {"type": "base64", "value": base64.b64encode(data).decode()}


@pytest.fixture(scope="session")
def body(small_png: bytes) -> dict[str, Any]:
    """The least that a v1 request is made of, for the fake model."""
    return {"model_id": "fake/1", "image": as_value(small_png)}
