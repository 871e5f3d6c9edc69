"""A value by cases."""

from typing import Any

from container.workflows import kinds
from container.workflows.manifest import Block, Field, Output, Row, Step, add
from container.workflows.operations import Anything, OperationsByName, Scope, Switch


class Expression(Block):
    """See `doc`."""

    ids = ("roboflow_core/expression@v1", "Expression")
    title = "Expression"
    doc = "Gives the result of the first case whose condition is true, or the default."
    fields = (
        Field("data", "Values by the names that cases have for them", Anything(), (kinds.ANY,), holds="dict"),
        Field("data_operations", "What is done before with values, by name", OperationsByName(), default={}),
        Field("switch", "The cases, with conditions and results, and the default", Switch()),
    )
    outputs = (Output("output", (kinds.ANY,)),)

    def run(self, row: Row, step: Step) -> Any:
        scope = Scope(step.check, row["data"])
        for name, chain in row["data_operations"].items():
            scope.names = {**scope.names, name: chain.run(scope.get(name), scope)}
        return {"output": row["switch"].get(scope)}


add(Expression())
