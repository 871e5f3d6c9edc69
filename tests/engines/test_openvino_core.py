"""Inference that can be given up."""

import time

import numpy as np
import pytest

from container import cancellation
from container.engines.openvino_core import compiled, inferred, openvino
from container.errors import DeadlineExceeded

SIDE, LAYERS = 768, 100  # of 0.9 GFLOP each: a second


@pytest.fixture(scope="module")
def slow() -> object:
    """The sum of LAYERS products of a matrix with the identity."""
    value = openvino.opset13.parameter([SIDE, SIDE], openvino.Type.f32, "value")
    value.output(0).set_names({"value"})
    made = value
    for i in range(LAYERS):
        made = openvino.opset13.matmul(made, openvino.opset13.add(value, np.float32(i)), False, False)
    return compiled(openvino.Model([openvino.opset13.reduce_sum(made, [0, 1])], [value]), 1, False)


def test_it_ends_soon_after_its_deadline_and_answers_the_next(slow: object) -> None:
    zeros = {"value": np.zeros((SIDE, SIDE), np.float32)}
    begun = time.monotonic()
    inferred(slow, zeros)
    whole = time.monotonic() - begun

    def late() -> None:
        if time.monotonic() > end:
            raise DeadlineExceeded("too late")

    begun = time.monotonic()
    end = begun + whole / 10
    with cancellation.cancelled_by(late), pytest.raises(DeadlineExceeded):
        inferred(slow, zeros)
    assert time.monotonic() - begun < whole / 2
    assert inferred(slow, zeros)[0] == 0
