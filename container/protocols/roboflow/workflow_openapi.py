"""OpenAPI descriptions of the routes of workflows."""

from typing import Any

from container.protocols.roboflow.openapi import EXAMPLE_PICTURE, INFERENCE_ERRORS, answer, body, error, with_example
from container.web.openapi import path_parameter

_TEXT, _FLAG, _OBJECT = {"type": "string"}, {"type": "boolean"}, {"type": "object"}
_OBJECTS = {"type": "array", "items": _OBJECT}
_SPECIFICATION: dict[str, Any] = {
    **_OBJECT,
    "description": "Inputs, steps and outputs; GET /workflows/definition/schema has its schema",
    "example": {
        "version": "1.0",
        "inputs": [{"type": "WorkflowImage", "name": "image"}],
        "steps": [
            {
                "type": "roboflow_core/roboflow_instance_segmentation_model@v1",
                "name": "model",
                "images": "$inputs.image",
                "model_id": "served",
            }
        ],
        "outputs": [{"type": "JsonField", "name": "predictions", "selector": "$steps.model.predictions"}],
    },
}
_INPUTS: dict[str, Any] = {
    **_OBJECT,
    "description": "Pictures and parameters by the names of the workflow's inputs; a list of pictures is a batch",
    "example": {"image": EXAMPLE_PICTURE},
}
_VERSION = {"type": "string", "nullable": True, "description": "V runs NAME@V.json, where there is one"}
_ASKED: dict[str, dict[str, Any]] = {
    "inputs": _INPUTS,
    "excluded_fields": {"type": "array", "items": _TEXT, "nullable": True, "description": "Outputs to leave out"},
    "enable_profiling": {
        **_FLAG,
        "nullable": True,
        "description": "Where the server allows it: when each step began and ended",
    },
}
_WRONG = {
    "400": error("The specification cannot be run; `blocks_errors` names steps"),
    "413": error("The body is too large"),
    "422": error("A member of the body is missing, or of another type"),
}
_UNKNOWN = {"404": error("There is no such workflow")}
_RUN_EXAMPLE = {"specification": _SPECIFICATION["example"], "inputs": _INPUTS["example"]}
RUN = with_example(body("specification", "inputs", specification=_SPECIFICATION, **_ASKED), _RUN_EXAMPLE)
RUN_NAMED = with_example(body("inputs", **_ASKED, workflow_version_id=_VERSION), {"inputs": _INPUTS["example"]})
NAMED_PATH = [path_parameter("workspace", "any"), path_parameter("workflow_id", "count-objects")]
RAN = {
    **answer("A result for each picture", outputs=_OBJECTS, profiler_trace=_OBJECTS),
    **INFERENCE_ERRORS,
    **_WRONG,
    "404": error("There is no such workflow or model"),
    "413": error("The body, the pictures or the work is too large"),
    "500": error("A step failed; `blocks_errors` names it"),
    "501": error("A step needs a model that this server does not have"),
}
VALIDATE = with_example(body(), _SPECIFICATION["example"])
VALIDATED = answer("It can be run", status=_TEXT) | _WRONG
DESCRIBE = {
    "description": "An object, maybe with execution_engine_version; anything else counts as an empty one",
    "content": {"application/json": {"schema": {}, "example": {}}},
}
_LISTS = ("blocks", "declared_kinds", "primitives_connections")
_MAPS = ("kinds_connections", "universal_query_language_description", "dynamic_block_definition_schema")
DESCRIBED = {
    **answer("Blocks and kinds", **dict.fromkeys(_LISTS, _OBJECTS), **dict.fromkeys(_MAPS, _OBJECT)),
    "413": error("The body is too large"),
}
SCHEMA = answer("The schema", schema=_OBJECT)
VERSIONS = answer("Versions of specifications", versions={"type": "array", "items": _TEXT})
INTERFACE = body("specification", specification=_SPECIFICATION)
INTERFACE_NAMED = with_example(body(workflow_version_id=_VERSION), {})
INTERFACES = {
    **answer("Kinds by name", inputs=_OBJECT, outputs=_OBJECT, typing_hints=_OBJECT, kinds_schemas=_OBJECT),
    **_WRONG,
}
INTERFACES_NAMED = INTERFACES | _UNKNOWN
STEP = with_example(body("type", type=_TEXT), _SPECIFICATION["example"]["steps"][0])
OUTPUTS = {
    "200": {"description": "Names and kinds", "content": {"application/json": {"schema": _OBJECTS}}},
    **_WRONG,
}
LISTED = answer("Names, inputs with the defaults of parameters, and outputs", workflows=_OBJECTS)
