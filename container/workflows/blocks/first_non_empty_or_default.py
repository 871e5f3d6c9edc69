"""The first value that is there."""

from typing import Any

from container.workflows import kinds
from container.workflows.errors import StepFailed
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.operations import Anything


class FirstNonEmptyOrDefault(Block):
    """See `doc`."""

    ids = ("roboflow_core/first_non_empty_or_default@v1", "FirstNonEmptyOrDefault")
    title = "First Non Empty Or Default"
    doc = "Gives the first value that is there, as its step has run, or the default."
    fields = (
        Field("data", "The values, in the order that they are looked at", kinds=(kinds.ANY,), holds="list"),
        Field("default", "What is given if none is there", Anything(), default=None),
    )
    outputs = (Output("output", (kinds.ANY,)),)
    takes_missing = True

    def run(self, row: Row, step: Step) -> Any:
        values = row["data"]
        if not isinstance(values, list | tuple):
            raise StepFailed("data takes a list of values")
        return {"output": next((value for value in values if value is not None), row["default"])}


add(FirstNonEmptyOrDefault())
