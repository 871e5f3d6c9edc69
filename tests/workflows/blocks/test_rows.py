"""Values of fields that come from steps: what is said of those that a field does not take."""

from typing import Any

import pytest

from container.workflows.blocks._rows import value
from container.workflows.errors import StepFailed
from container.workflows.manifest import blocks
from tests.workflows.blocks.rows import found
from tests.workflows.blocks.running import picture

blocks.load()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (picture(), "a picture"),
        (found(), "detections"),
        ([picture()], "a list"),
        (b"\xff\xd8", "another value"),
        ({}, "an object"),
        ("much", "'much'"),
        (2, "2"),
    ],
)
def test_a_value_that_a_field_does_not_take(given: Any, words: str) -> None:
    with pytest.raises(StepFailed) as caught:
        value(blocks["InstanceSegmentationModel"], {"confidence": given}, "confidence")
    assert caught.value.message == f"confidence is {words}; it takes a number from 0 to 1"
