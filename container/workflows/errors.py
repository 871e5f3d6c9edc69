"""Errors of a workflow: in its specification, in the values of a request, or in a step.

The names are those that clients of Roboflow know as `error_type`.
"""

from typing import NamedTuple

from container.errors import ServingError


class Fault(NamedTuple):
    """Where in a specification an error lies; "" for what is not known."""

    block: str  # the name of a step, or $outputs
    type: str = ""  # of the step
    field: str = ""
    details: str = ""


class WorkflowError(ServingError):
    """What is wrong with a workflow, and where."""

    code = "workflow"
    status = 400
    type = "WorkflowError"
    context = ""

    def __init__(self, message: str, *faults: Fault, hint: str = "") -> None:
        super().__init__(message, hint)
        self.faults = faults


class SyntaxFault(WorkflowError):
    """The specification has no such shape, or a field of a step another value than it takes."""

    type = "WorkflowSyntaxError"
    context = "workflow_compilation | workflow_definition_parsing"


class DefinitionFault(WorkflowError):
    """The specification as a whole cannot be."""

    type = "WorkflowDefinitionError"
    context = "workflow_compilation | specification_validation"


class DuplicatedName(DefinitionFault):
    """Two steps, inputs or outputs have one name."""

    type = "DuplicatedNameError"


class VersionFault(WorkflowError):
    """The version is none."""

    type = "WorkflowDefinitionError"
    context = "workflow_compilation | engine_initialisation"


class UnknownVersion(VersionFault):
    """The version is that of another engine."""

    type = "NotSupportedExecutionEngineError"


class UnknownReference(WorkflowError):
    """A selector names what is not there."""

    type = "InvalidReferenceTargetError"
    context = "workflow_compilation | execution_graph_construction"


class WrongKind(UnknownReference):
    """A selector names a value of another kind."""

    type = "ReferenceTypeError"


class BrokenGraph(UnknownReference):
    """Steps wait for each other."""

    type = "ExecutionGraphStructureError"


class WrongLevel(UnknownReference):
    """The inputs of a step are of different levels: crops of a picture together with the picture."""

    type = "StepInputDimensionalityError"


class WrongInput(WorkflowError):
    """A request gives a value that the workflow does not take."""

    type = "RuntimeInputError"
    context = "workflow_execution | runtime_input_validation"


class RefusedStep(WorkflowError):
    """A step was refused what the client asked for; `status` and `code` are those of the refusal."""

    type = "ClientCausedStepExecutionError"
    context = "workflow_execution | step_execution"

    def __init__(self, cause: ServingError, message: str, *faults: Fault) -> None:
        super().__init__(message, *faults, hint=cause.hint)
        self.status, self.code = cause.status, cause.code


class StepFailed(WorkflowError):
    """A step could not do its work with the values that it got."""

    type = "StepExecutionError"
    context = "workflow_execution | step_execution"
    status = 500
