"""Detections after a chain of operations: what the filter and the transformation of detections do."""

from container.workflows import kinds
from container.workflows.errors import StepFailed
from container.workflows.manifest import Field, Step
from container.workflows.operations import ITEM, Anything, Chain, Operations, Scope
from container.workflows.values import Detections

PREDICTIONS = Field("predictions", "The detections", kinds=kinds.DETECTIONS)
OPERATIONS = Field("operations", "What is done with the detections, one operation after another", Operations())
PARAMETERS = Field(
    "operations_parameters",
    "Values that operands of the operations name",
    Anything(),
    (kinds.ANY,),
    default={},
    holds="dict",
)


def transformed(found: object, chain: Chain, parameters: object, step: Step) -> Detections:
    """Return detections after the operations; StepFailed if that, or what went in, is no detections."""
    if not isinstance(found, Detections):
        raise StepFailed("predictions takes the detections of another step")
    scope = Scope(step.check, parameters)
    if ITEM in scope.names:
        raise StepFailed(f"operations_parameters has a value named {ITEM!r}, which stands for each detection")
    changed = chain.run(found, scope)
    if not isinstance(changed, Detections):
        raise StepFailed("the operations make something else of the detections; a property_definition step may do so")
    return changed
