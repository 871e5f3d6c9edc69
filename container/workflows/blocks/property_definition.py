"""A value made of another."""

from typing import Any

from container.workflows import kinds
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.operations import Operations, Scope


class PropertyDefinition(Block):
    """See `doc`."""

    ids = ("roboflow_core/property_definition@v1", "PropertyDefinition", "PropertyExtraction")
    title = "Property Definition"
    doc = "Makes a value of another one, such as the number of detections, their classes or the width of a picture."
    fields = (
        Field("data", "The value", kinds=(kinds.ANY,)),
        Field("operations", "What is done with it, one operation after another", Operations()),
    )
    outputs = (Output("output", (kinds.ANY,)),)

    def run(self, row: Row, step: Step) -> Any:
        return {"output": row["operations"].run(row["data"], Scope(step.check))}


add(PropertyDefinition())
