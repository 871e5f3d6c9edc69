"""Steps that run only if."""

from typing import Any

from container.fields import Number
from container.workflows import kinds
from container.workflows.manifest import Block, Field, Row, Step, add
from container.workflows.operations import Anything, Condition, Scope


class ContinueIf(Block):
    """See `doc`."""

    ids = ("roboflow_core/continue_if@v1", "ContinueIf")
    title = "Continue If"
    doc = "Lets other steps run only where a condition is true."
    fields = (
        Field("condition_statement", "The condition", Condition()),
        Field(
            "evaluation_parameters",
            "Values that operands of the condition name",
            Anything(),
            (kinds.ANY,),
            default={},
            holds="dict",
        ),
        Field("next_steps", "The steps, with all that need their outputs", holds="list", steps=True),
        Field(
            "stop_delay",
            "Taken, without effect: seconds for which a stream goes on; nothing is kept from request to request",
            Number(0),
            (kinds.FLOAT, kinds.INTEGER),
            default=0,
        ),
    )
    outputs = ()
    flow = True

    def run(self, row: Row, step: Step) -> Any:
        return {"next": row["condition_statement"].holds(Scope(step.check, row["evaluation_parameters"]))}


add(ContinueIf())
