"""OpenAPI descriptions of the Nucleus routes."""

from collections.abc import Callable
from typing import Any

from container.web.openapi import View, operation

JSON = "application/json"
COMPONENTS = {
    "schemas": {
        "NucleusError": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
        "NucleusJob": {
            "type": "object",
            "required": ["job_id", "job_last_known_status", "job_type", "job_creation_time"],
            "properties": {
                "job_id": {"type": "string"},
                "job_last_known_status": {"type": "string"},
                "job_type": {"type": "string"},
                "job_creation_time": {"type": "string"},
            },
        },
        "NucleusByKind": {
            "type": "object",
            "description": "Lists of objects by kind: box, polygon, line, keypoints, cuboid, category, segmentation",
            "additionalProperties": {"type": "array", "items": {"type": "object"}},
        },
    }
}
Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 1000}
INTEGER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
TEXTS: Schema = {"type": "array", "items": TEXT}
OBJECTS: Schema = {"type": "array", "items": OBJECT}
JOB: Schema = {"$ref": "#/components/schemas/NucleusJob"}
BY_KIND: Schema = {"$ref": "#/components/schemas/NucleusByKind"}


def members(**properties: Schema) -> Schema:
    """Return the schema of an object with all of these members."""
    return {"type": "object", "required": [*properties], "properties": properties}


def optional(**properties: Schema) -> Schema:
    """Return the schema of an object that may have these members, each of which may be null."""
    return {"type": "object", "properties": {name: {**one, "nullable": True} for name, one in properties.items()}}


def either(*schemas: Schema) -> Schema:
    """Return the schema of what fits one of several."""
    return {"anyOf": [*schemas]}


def described(
    summary: str,
    returns: Schema,
    takes: Schema | None = None,
    in_part: bool = False,
    conflicts: bool = False,
    **rest: Any,
) -> Callable[[View], View]:
    """Describe a route that returns JSON, or one of the errors that all of them may return; see `operation`.

    If it is offered `in_part`, also 501, and 409 if what it works on may be in a state that does not allow it.
    """
    if takes is not None:
        example = _EXAMPLES["annotations"] if takes is UPLOADED else _example(takes)
        rest["requestBody"] = {"content": {JSON: {"schema": takes, "example": example}}}
    more = {"501": UNAVAILABLE["501"]} if in_part else {}
    if conflicts:
        more["409"] = _error("The benchmark, evaluation or preset is not in a state for it, and is as it was")
    return operation(summary, {"200": answer("The answer", returns), **ERRORS, **more}, **rest)


def _example(takes: Schema) -> Schema:
    """Return a body to begin with, of the members that it has to have."""
    properties = takes.get("properties", {})
    return {name: properties[name].get("enum", [_EXAMPLES.get(name)])[0] for name in takes.get("required", ())}


def signed(summary: str, success: Schema, **rest: Any) -> Callable[[View], View]:
    """Describe a route whose signature is its key."""
    return operation(summary, {"200": success, **ERRORS, "401": _error("The signature is wrong or expired")}, **rest)


_BOX = {"label": "car", "type": "box", "geometry": {"x": 10, "y": 20, "width": 30, "height": 40}}
# What bodies begin with, by the member that they have to have; that of `annotations` is whole.
_EXAMPLES: dict[str, Any] = {
    "name": "streets",
    "reference_id": "net-1",
    "items": [{"reference_id": "street-1", "image_url": "https://example.com/street-1.jpg"}],
    "metadata": [{"reference_id": "street-1", "metadata": {"weather": "rain"}}],
    "annotations": {"annotations": [{**_BOX, "reference_id": "street-1", "annotation_id": "car-1"}]},
    "taxonomy_name": "vehicles",
    "type": "category",
    "labels": ["car", "bus"],
    "tags": ["rain"],
    "trained_slice_ids": [],
    "item_ids": [],
    "benchmark_ids": [],
}
UPLOADED = {
    "type": "object",
    "properties": {
        "update": {"type": "boolean", "description": "Replace those that are there"},
        "annotations": OBJECTS,
        "segmentations": OBJECTS,
        "requestId": {"type": "string", "description": "With ?async=1: of a signed upload"},
    },
}
ASYNC = {"in": "query", "name": "async", "schema": {"type": "string", "enum": ["0", "1"]}}


def answer(description: str, schema: Schema) -> Schema:
    """Return the description of a response of JSON."""
    return {"description": description, "content": {JSON: {"schema": schema}}}


def _error(description: str) -> Schema:
    return answer(description, {"$ref": "#/components/schemas/NucleusError"})


ERRORS = {
    "400": _error("The body is not JSON of this shape, or broke off; nothing was kept"),
    "404": _error("There is no such dataset, item, model, run or object"),
    "413": _error("The body is too large"),
    "503": _error(
        "The store is busy or its disk is full; nothing was kept, and Retry-After says when to send it again"
    ),
}
UNAVAILABLE = {"413": _error("The body is too large"), "501": _error("This server does not offer it")}
