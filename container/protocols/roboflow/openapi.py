"""OpenAPI descriptions of the Roboflow routes."""

from typing import Any

from container.fields import Flag, Names
from container.protocols.roboflow.fields import TAKES, Takes
from container.web.openapi import PHOTO, path_parameter

_JSON = "application/json"
# Values to begin with: they work with the embedded model, and with those that docs/roboflow.md names.
EXAMPLE_ID = "maskrcnn/1"
EXAMPLE_PICTURE = {"type": "base64", "value": PHOTO}
EXAMPLE_PATH = [
    path_parameter(name, value) for name, value in zip(("project", "version"), EXAMPLE_ID.split("/"), strict=True)
]
COMPONENTS = {
    "schemas": {
        "RoboflowError": {
            "type": "object",
            "required": ["message"],
            "properties": {
                "message": {"type": "string"},
                "code": {"type": "string"},
                "request_id": {"type": "string"},
                "detail": {"type": "array", "items": {"type": "object"}},
                "error_type": {"type": "string", "description": "Of a workflow, as this and what follows"},
                "context": {"type": "string"},
                "blocks_errors": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["block_id"],
                        "properties": {"block_id": {"type": "string", "description": "The name of a step"}},
                    },
                },
            },
        },
        "RoboflowModels": {
            "type": "object",
            "required": ["models"],
            "properties": {
                "models": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["model_id", "task_type"],
                        "properties": {"model_id": {"type": "string"}, "task_type": {"type": "string"}},
                    },
                }
            },
        },
        "RoboflowAnswer": {
            "type": "object",
            "required": ["predictions", "image", "time", "inference_id"],
            "properties": {
                "predictions": {"description": "A list; of a semantic model an object with two maps"},
                "image": {
                    "type": "object",
                    "required": ["width", "height"],
                    "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}},
                },
                "time": {"type": "number", "description": "Seconds"},
                "inference_id": {"type": "string"},
                "visualization": {"type": "string", "description": "A JPEG in base64"},
            },
        },
    }
}


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def error(description: str) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": _reference("RoboflowError")}}}


def json_answer(description: str) -> dict[str, Any]:
    """Return the responses of a route that always answers an object."""
    return {"200": {"description": description, "content": {_JSON: {"schema": {"type": "object"}}}}}


HEALTH = json_answer("It does") | {"503": error("It does not, or not yet")}
CLEARED = {"200": {"description": "They are unloaded", "content": {_JSON: {"schema": {"type": "string"}}}}}
UNAVAILABLE = {"413": error("The body is too large"), "501": error("This server does not offer it")}
MODELS = {"200": {"description": "The loaded models", "content": {_JSON: {"schema": _reference("RoboflowModels")}}}}
STARTED = json_answer("It is loaded")
INVALID = {
    "400": error("The body cannot be read, or a number is out of range"),
    "413": error("The body, the picture or the work is too large"),
    "422": error("A field is missing, or of another type"),
}
LOAD_ERRORS = INVALID | {
    "404": error("There is no such model"),
    "409": error("The model's files cannot be loaded"),
    "503": error("The server is still starting; Retry-After says when"),
    "507": error("There is no memory for it beside the models that are in use"),
}
UNLOAD_ERRORS = INVALID | {
    "409": error("The server has several processes"),
    "503": error("The server is still starting"),
}
INFERENCE_ERRORS = LOAD_ERRORS | {
    "406": error("The picture is too long for a JPEG"),
    "415": error("The file is no picture that is read"),
    "503": error("Overloaded, short of memory, or starting; Retry-After says when"),
    "504": error("The request waited until its deadline"),
}
_ANSWER = _reference("RoboflowAnswer")
ANSWERS = {
    "200": {
        "description": "An answer for a picture, a list of them for a list",
        "content": {_JSON: {"schema": {"anyOf": [_ANSWER, {"type": "array", "items": _ANSWER}]}}},
    },
    **INFERENCE_ERRORS,
}
ANSWERS_V0 = {
    "200": {
        "description": "JSON, or the picture drawn on",
        "content": {_JSON: {"schema": _ANSWER}, "image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
    },
    **INFERENCE_ERRORS,
}
_MODEL_ID_SCHEMA = {"type": "string", "minLength": 1, "example": EXAMPLE_ID}
MODEL_ID = {
    "required": True,
    "content": {
        _JSON: {"schema": {"type": "object", "required": ["model_id"], "properties": {"model_id": _MODEL_ID_SCHEMA}}}
    },
}


def with_example(body: dict[str, Any], example: Any) -> dict[str, Any]:
    """Return a request's JSON body with a value to begin with; without, pages fill in all that it may have."""
    return {**body, "content": {_JSON: {**body["content"][_JSON], "example": example}}}


def _image(kind: str, form: str) -> dict[str, Any]:
    value = {"type": "string", "format": form}
    properties = {"type": {"type": "string", "enum": [kind]}, "value": value}
    return {"type": "object", "required": ["type", "value"], "properties": properties}


def pictures(addresses: bool) -> dict[str, Any]:
    """Return the schema of a picture or a list of them."""
    image = _image("base64", "byte")
    if addresses:
        image = {"anyOf": [image, _image("url", "uri")]}
    return {"anyOf": [image, {"type": "array", "items": image, "minItems": 1}]}


def inference(task: str, addresses: bool) -> dict[str, Any]:
    """Return the body of a v1 request; `addresses` is True where pictures are fetched."""
    schema = {
        "type": "object",
        "required": ["model_id", "image"],
        "properties": {
            "model_id": _MODEL_ID_SCHEMA,
            "image": pictures(addresses),
            **{name: _schema(takes) for name, takes in TAKES.items()},
        },
    }
    body = {"required": True, "description": f"For {task}", "content": {_JSON: {"schema": schema}}}
    return with_example(body, {"model_id": EXAMPLE_ID, "image": EXAMPLE_PICTURE, "confidence": 0.5})


def _schema(takes: Takes) -> dict[str, Any]:
    schema = {"type": "string"} if takes.values is None else takes.values.schema
    if isinstance(takes.values, Names):
        schema = {"type": "array", "items": {"type": "string"}}
    return {"anyOf": [schema, {"type": "string", "enum": [*takes.words]}]} if takes.words else schema


def _parameter(name: str, takes: Takes) -> dict[str, Any]:
    schema = _schema(takes)
    if isinstance(takes.values, Flag):
        schema = {"type": "string", "enum": ["true", "false", "on", "off"]}
    elif isinstance(takes.values, Names):
        schema = {"type": "string"}
    return {"in": "query", "name": takes.query or name, "schema": schema}


def inference_v0(addresses: bool, body: bool) -> dict[str, Any]:
    """Return the parameters of a v0 request, and its body if it has one: else the picture's address is required."""
    kind = {"type": "string", "format": "uri"} if addresses else {"type": "string"}
    address = {"in": "query", "name": "image", "required": not body, "schema": kind}
    answer = {
        "in": "query",
        "name": "format",
        "schema": {"type": "string", "enum": ["json", "image", "image_and_json"]},
    }
    named = (_parameter(name, takes) for name, takes in TAKES.items() if name not in ("id", "visualize_predictions"))
    content = {
        "image/jpeg": {"schema": {"type": "string", "format": "binary"}},
        "application/x-www-form-urlencoded": {"schema": {"type": "string", "format": "byte"}, "example": PHOTO},
    }
    described = {"parameters": [*EXAMPLE_PATH, *([address] if addresses or not body else []), answer, *named]}
    return {**described, "requestBody": {"required": True, "content": content}} if body else described


def body(*required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": [*required], "properties": properties}
    return {"required": True, "content": {_JSON: {"schema": schema if required else _without(schema, "required")}}}


def _without(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}


def answer(description: str, **properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": [*properties], "properties": properties}
    return {"200": {"description": description, "content": {_JSON: {"schema": schema}}}}


def _file(responses: dict[str, Any]) -> dict[str, Any]:
    """Return the responses with a file of arrays as another answer."""
    content = {**responses["200"]["content"], "application/octet-stream": {"schema": {"type": "string"}}}
    return {**responses, "200": {**responses["200"], "content": content}}


NUMBER, TEXT, LIST = {"type": "number"}, {"type": "string"}, {"type": "array", "items": {}}
PICTURE = _image("base64", "byte")
_POINTS = {"type": "array", "items": {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}}
VERSION_ERRORS = INFERENCE_ERRORS | {
    "501": error("There are no weights of this version"),
}
_SAM = {"sam_version_id": TEXT, "image": PICTURE, "image_id": {"type": "string", "maxLength": 200}}
_SAM_FORMAT = {"type": "string", "enum": ["json", "binary"]}
_MASK_FORMAT = {"type": "string", "enum": ["json", "rle", "binary"]}
_POINT = 48, 40  # of the example's picture: in the face
SAM_EMBED = with_example(body(**_SAM, format=_SAM_FORMAT), {"image": EXAMPLE_PICTURE})
_SAM_SEGMENT = body(
    **_SAM,
    format=_MASK_FORMAT,
    point_coords=_POINTS,
    point_labels={"type": "array", "items": {"type": "integer", "minimum": -1, "maximum": 3}},
    has_mask_input={"type": "boolean"},
    mask_input={"description": "Polygons, or an array in base64"},
    mask_input_format=_SAM_FORMAT,
    use_mask_input_cache={"type": "boolean"},
    multimask_output={"type": "boolean"},
    embeddings={"description": "Nested lists, or an array in base64"},
    embeddings_format=_SAM_FORMAT,
    orig_im_size={"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
)
SAM_SEGMENT = with_example(_SAM_SEGMENT, {"image": EXAMPLE_PICTURE, "point_coords": [[*_POINT]], "point_labels": [1]})
_PROMPTS = {"description": "A prompt of points, a box or both; a list; or an object with the list `prompts`"}
_SAM2 = {**_without(_SAM, "sam_version_id"), "sam2_version_id": TEXT}
_PROMPT = {"points": [{"x": _POINT[0], "y": _POINT[1], "positive": True}]}
SAM2_EMBED = with_example(body(**_SAM2), {"image": EXAMPLE_PICTURE})
_SAM2_SEGMENT = body(
    **_SAM2,
    prompts=_PROMPTS,
    format=_MASK_FORMAT,
    multimask_output={"type": "boolean"},
    save_logits_to_cache={"type": "boolean"},
    load_logits_from_cache={"type": "boolean"},
)
SAM2_SEGMENT = with_example(_SAM2_SEGMENT, {"image": EXAMPLE_PICTURE, "prompts": {"prompts": [_PROMPT]}})
EMBEDDED = _file(answer("The embedding", embeddings=LIST, time=NUMBER)) | VERSION_ERRORS
SEGMENTED = _file(answer("The masks", masks=LIST, low_res_masks=LIST, time=NUMBER)) | VERSION_ERRORS
SAM2_EMBEDDED = answer("It is kept", image_id=TEXT, time=NUMBER) | VERSION_ERRORS
SAM2_SEGMENTED = {
    "200": {
        "description": "A mask for each prompt; a list of answers for a list of pictures",
        "content": {_JSON: {"schema": {}}, "application/octet-stream": {"schema": {"type": "string"}}},
    },
    **VERSION_ERRORS,
}
