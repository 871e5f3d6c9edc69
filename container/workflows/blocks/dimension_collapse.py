"""What lies one level deeper, as a list."""

from typing import Any

from container.workflows import kinds
from container.workflows.manifest import Block, Field, Output, Row, Step, add


class DimensionCollapse(Block):
    """A list of what was deeper."""

    ids = "roboflow_core/dimension_collapse@v1", "DimensionCollapse"
    title = "Dimension collapse"
    doc = "Gathers what a step gave for all crops of a picture into one list."
    fields = (Field("data", "What a step gave for every crop", kinds=(kinds.ANY,), level=1),)
    outputs = (Output("output", (kinds.LIST,)),)

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        return {"output": [one for one in row["data"] if one is not None]}  # None where the step did not run


add(DimensionCollapse())
