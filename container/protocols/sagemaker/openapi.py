"""OpenAPI descriptions of the SageMaker routes."""

import re
from collections.abc import Mapping
from typing import Any

from container.formats import ranked, vectors
from container.images.base import sources
from container.images.decode import MEDIA_TYPES
from container.images.sources import DEFAULT_SOURCE, ENCODED
from container.protocols.sagemaker.documents import FORM, JSON
from container.protocols.sagemaker.negotiation import UNTYPED, Negotiation
from container.service import Services
from container.web.openapi import PHOTO

EXAMPLE_NAME = "my-instance-segmentation"  # of an endpoint, a router, or a model of several
_OPTIONS = {"confidence": 0.5}  # no response_type, which would count more than the type that is chosen on the page
_BINARY = {"schema": {"type": "string", "format": "binary"}}

_ERROR_SCHEMA = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {key: {"type": "string"} for key in ("code", "message", "hint", "request_id")},
        }
    },
}


def name_parameter(description: str, pattern: re.Pattern[str]) -> dict[str, Any]:
    """Return the parameter for NAME in a route's path."""
    schema = {"type": "string", "pattern": f"^{pattern.pattern}$"}
    parameter = {"in": "path", "name": "name", "description": description, "required": True, "schema": schema}
    return {**parameter, "example": EXAMPLE_NAME}


def error(description: str) -> dict[str, Any]:
    """Return a response whose body is the error document."""
    return {"description": description, "content": {"application/json": {"schema": _ERROR_SCHEMA}}}


def _attributes(negotiation: Negotiation) -> dict[str, Any]:
    # No type, because a value that is not a JSON object is treated as an opaque string.
    return {
        "properties": {name: one.schema for name, one in negotiation.attributes.items()},
        "example": _OPTIONS,
    }


def invocation(services: Services, negotiation: Negotiation) -> dict[str, Any]:
    """Return the parameters and the request body of an invocation."""
    limits = services.pipeline.limits
    kinds = [sources[DEFAULT_SOURCE].schema]
    kinds += [
        _named(name, sources[name].schema)
        for name in sorted(sources)
        if sources[name].in_json and sources[name].available(limits)
    ]
    others = (*UNTYPED[1:], *negotiation.sources)
    return {
        "parameters": [
            # OpenAPI excludes Accept and Content-Type from parameters: responses and requestBody define them.
            {
                "in": "header",
                "name": "X-Amzn-SageMaker-Custom-Attributes",
                "description": "JSON; other keys than these are ignored, and a string that is no JSON object is "
                "echoed; with a workflow: response_type, on_error, jpeg_quality and its parameters, and no others",
                "content": {"application/json": {"schema": _attributes(negotiation)}},
            },
            {
                "in": "header",
                "name": "X-Amzn-SageMaker-Session-Id",
                "description": "NEW_SESSION keeps the picture; the id that comes back asks about it again, without it",
                "schema": {
                    "type": "string",
                    "maxLength": 256,
                    "pattern": "^NEW_SESSION$|^[a-zA-Z0-9](-*[a-zA-Z0-9])*$",
                },
            },
            *({"in": "query", "name": name, "schema": one.text_schema} for name, one in negotiation.attributes.items()),
        ],
        "requestBody": {
            "required": True,
            # In the order of the page's list. Any image type is read, whatever the bytes are; two stand for all.
            "content": {
                **{kind: _BINARY for kind in MEDIA_TYPES[:2]},
                JSON: {"schema": _document(kinds, limits.max_images, negotiation), "example": _DOCUMENT},
                FORM: {"schema": _form(negotiation)},
                **{kind: _BINARY for kind in others},
            },
        },
    }


_DOCUMENT = {"image": PHOTO, "parameters": _OPTIONS}


def _document(pictures: list[Any], most: int, negotiation: Negotiation) -> dict[str, Any]:
    """Return the shape of a JSON body, one of whose keys holds pictures; those of an array are base64."""
    text = pictures[0]
    encoded = {"anyOf": [text, {"type": "object", "required": [ENCODED], "properties": {ENCODED: text}}]}
    several = {"type": "array", "minItems": 1, "maxItems": most, "items": encoded}
    named = {"type": "object", "required": ["image"], "properties": {"image": {"anyOf": pictures}}}
    options = {name: one.schema for name, one in negotiation.attributes.items()}
    shapes = {"image": {"anyOf": pictures}, "instances": several, "inputs": {"anyOf": [text, several, named]}}
    return {
        "type": "object",
        "description": "A promptable model takes `prompts` as well: points, a box or both, or a list of these. "
        "CLIP takes `text` in place of pictures: one, or a list",
        "properties": {**shapes, "parameters": {"type": "object", "nullable": True, "properties": options}},
        "oneOf": [{"required": [key]} for key in shapes],
    }


def _form(negotiation: Negotiation) -> dict[str, Any]:
    """Return the shape of a form: one file, under any name, and options."""
    options = {name: one.text_schema for name, one in negotiation.attributes.items()}
    return {"type": "object", "required": ["image"], "properties": {"image": _BINARY["schema"], **options}}


TARGET_PARAMETER = {
    "in": "header",
    "name": "X-Amzn-SageMaker-Target-Model",
    "description": "The path of an artifact below /opt/ml/models, which is loaded if it was not",
    "schema": {"type": "string"},
}
TARGET_ANSWERS = {
    "404": error("The request names no model, and not just one is loaded"),
    "507": error("There is no memory for the model, unless others are unloaded"),
}
RELOAD_ANSWERS = {
    "409": error("The model was unloaded by id, and its files cannot be loaded again"),
    "507": error("The model was unloaded by id, and there is no memory to load it again"),
}


def targeted_invocation(services: Services, negotiation: Negotiation) -> dict[str, Any]:
    """Return `invocation` with the target model parameter on multi-model endpoints."""
    takes = invocation(services, negotiation)
    if not services.pool.policy.served:
        takes["parameters"] = [*takes["parameters"], TARGET_PARAMETER]
    return takes


def _named(kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "value"],
        "properties": {"type": {"type": "string", "enum": [kind]}, "value": value},
    }


_FACTS = (
    "What was found or read, embeddings, or the outputs of the model's workflow as JSON or its first picture; "
    "facts about it in X-Amzn-SageMaker-Custom-Attributes"
)
_PLACEHOLDER = {**_ERROR_SCHEMA, "description": "With on_error: placeholder, for a picture that cannot be read"}


def _good(negotiation: Negotiation) -> dict[str, Any]:
    schemas: dict[str, list[Any]] = {media_type: [] for media_type in negotiation.offers}
    for form in ranked():
        schemas[form.media_type] += form.schemas
    several = {"type": "array", "items": vectors.SCHEMA, "description": "To an array of pictures or texts"}
    schemas.setdefault(JSON, []).extend([vectors.SCHEMA, several, _PLACEHOLDER])
    schemas[vectors.NPY] = [{**_BINARY["schema"], "description": "Of a model that embeds: float32 D, or N×D"}]
    content = {m: {"schema": some[0] if len(some) == 1 else {"anyOf": some}} for m, some in schemas.items()}
    return {"description": _FACTS, "content": content}


def answers(negotiation: Negotiation) -> dict[str, Any]:
    """Return all responses of an invocation, by status."""
    return {
        "200": _good(negotiation),
        "400": error("The picture, the attributes or the JSON cannot be read"),
        "406": error("None of the accepted types exists"),
        "413": error("The body or the picture is too large"),
        "415": error("The content type or the kind of picture is not read"),
        "422": error("The picture has no pixels"),
        "500": error("A step of the model's workflow failed"),
        "503": error("Loading, too many requests waiting, or no memory; Retry-After says when"),
        "504": error("Not done before the deadline"),
    }


_TYPED = {
    "type": "object",
    "required": ["Message"],
    "properties": {
        "Message": {"type": "string"},
        "OriginalStatusCode": {"type": "integer"},
        "OriginalMessage": {"type": "string"},
        "LogStreamArn": {"type": "string"},
    },
}

_NO_ROUTE = {
    "404": {
        "description": "UnknownOperationException: no route, as a line feed is no part of any name",
        "content": {"application/json": {"schema": _TYPED}},
    }
}


def runtime_answers(negotiation: Negotiation) -> dict[str, Any]:
    """Return all responses of InvokeEndpoint, by status."""
    return {
        **_NO_ROUTE,
        "200": _good(negotiation),
        "400": {
            "description": "ValidationError: no such name, or attributes over 1024 characters",
            "content": {"application/json": {"schema": _TYPED}},
        },
        "424": {
            "description": "ModelError: what the container answered",
            "content": {"application/json": {"schema": _TYPED}},
        },
    }


def stream_answers(negotiation: Negotiation) -> dict[str, Any]:
    """Return all responses of InvokeEndpointWithResponseStream, by status."""
    return {
        **runtime_answers(negotiation),
        "200": {
            "description": _FACTS
            + ", in frames of AWS's event stream; X-Amzn-SageMaker-Content-Type says what they hold",
            "content": {"application/vnd.amazon.eventstream": _BINARY},
        },
    }


_PREFIX = "X-Amzn-SageMaker-"
_S3 = {"type": "string", "pattern": "^s3://"}


def async_invocation(negotiation: Negotiation) -> dict[str, Any]:
    """Return the parameters and the request body of an asynchronous invocation: a body or an InputLocation."""
    attributes = {
        "name": _PREFIX + "Custom-Attributes",
        "content": {"application/json": {"schema": _attributes(negotiation)}},
    }
    schemas: dict[str, dict[str, Any]] = {
        "Content-Type": {"type": "string", "example": MEDIA_TYPES[0]},
        "Accept": {"type": "string", "enum": [*negotiation.offers]},
        "InputLocation": _S3,
        "Inference-Id": {"type": "string", "pattern": "^[!-~]{1,64}$"},
        "RequestTTLSeconds": {"type": "integer", "minimum": 60, "maximum": 21_600},
        "InvocationTimeoutSeconds": {"type": "integer", "minimum": 1, "maximum": 3600},
        "Filename": {"type": "string", "pattern": r"^[a-zA-Z0-9][a-zA-Z0-9_-]*(\.[a-zA-Z0-9_-]*)?$", "maxLength": 32},
        "S3OutputPathExtension": {"type": "string", "pattern": "^[a-zA-Z0-9!_.*'()/-]+$", "maxLength": 512},
    }
    return {
        "parameters": [
            {"in": "header", **attributes},
            *({"in": "header", "name": _PREFIX + name, "schema": schema} for name, schema in schemas.items()),
        ],
        "requestBody": {"content": {"application/octet-stream": _BINARY}},
    }


ASYNC_ANSWERS = {
    **_NO_ROUTE,
    "202": {
        "description": "Taken; the answer, or the error, will be the object that a header names",
        "headers": {_PREFIX + name: {"schema": _S3} for name in ("OutputLocation", "FailureLocation")},
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["InferenceId"],
                    "properties": {"InferenceId": {"type": "string"}},
                }
            }
        },
    },
    "400": {
        "description": "ValidationError: what is wrong with the request; or the operator has not turned this on",
        "content": {"application/json": {"schema": _TYPED}},
    },
    "424": {"description": "ModelError", "content": {"application/json": {"schema": _TYPED}}},
    "429": {
        "description": "ThrottlingException: too many requests are waiting",
        "content": {"application/json": {"schema": _TYPED}},
    },
    "503": {
        "description": "ServiceUnavailable: shutting down",
        "content": {"application/json": {"schema": _TYPED}},
    },
}

_STATE: dict[str, Any] = {
    "type": "object",
    "required": ["State", "OutputLocation", "FailureLocation"],
    "properties": {
        "State": {"type": "string", "enum": ["Queued", "InProgress", "Completed", "Failed"]},
        "OutputLocation": _S3,
        "FailureLocation": _S3,
        "Error": {"type": "string"},
    },
}
_STATES = {
    "type": "object",
    "required": ["InferenceId", *_STATE["required"]],
    "properties": {
        "InferenceId": {"type": "string"},
        **_STATE["properties"],
        "Others": {"type": "array", "items": _STATE, "description": "Later requests with the same id"},
    },
}
ASYNC_STATE_ANSWERS = {
    "200": {"description": "Where it stands", "content": {"application/json": {"schema": _STATES}}},
    "404": {
        "description": "No such request, or asynchronous requests are off; or no route, as for a line feed",
        "content": {"application/json": {"schema": {"anyOf": [_ERROR_SCHEMA, _TYPED]}}},
    },
}
