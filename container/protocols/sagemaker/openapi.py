"""The SageMaker routes in OpenAPI's words."""

from typing import Any

from container.protocols.sagemaker.attributes import KEYS
from container.protocols.sagemaker.negotiation import OFFERS

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

_DETECTIONS_SCHEMA = {
    "type": "object",
    "required": ["labels", "boxes"],
    "properties": {
        "labels": {"type": "array", "items": {"type": "string"}, "example": ["horse 100%", "person 97%"]},
        "boxes": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
            "description": "x1, y1, x2, y2 in pixels of the picture, (0, 0) at the top left",
        },
        "scores": {"type": "array", "items": {"type": "number"}},
        "class_ids": {"type": "array", "items": {"type": "integer"}},
        "masks": {"type": "array", "items": {}},
        "keypoints": {"type": "array", "items": {}},
    },
}


def error(description: str) -> dict[str, Any]:
    """A response whose body is the error document."""
    return {"description": description, "content": {"application/json": {"schema": _ERROR_SCHEMA}}}


def parameter(where: str, name: str, description: str, example: str | None = None) -> dict[str, Any]:
    """A string parameter in the path or in a header."""
    described: dict[str, Any] = {"in": where, "name": name, "description": description, "schema": {"type": "string"}}
    if where == "path":
        described["required"] = True
    return described if example is None else {**described, "example": example}


INVOCATION: dict[str, Any] = {
    "parameters": [
        # OpenAPI keeps Accept and Content-Type out of parameters: responses and requestBody say what they take.
        parameter(
            "header",
            "X-Amzn-SageMaker-Custom-Attributes",
            "JSON; known keys: " + ", ".join(KEYS),
            '{"response_type": "json", "confidence": 0.5}',
        )
    ],
    "requestBody": {
        "required": True,
        "content": {
            "image/jpeg": _BINARY,
            "image/png": _BINARY,
            "application/x-image": _BINARY,
            "application/octet-stream": _BINARY,
            "application/x-npy": _BINARY,
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {
                        "image": {
                            "type": "object",
                            "required": ["type", "value"],
                            "properties": {
                                "type": {"type": "string", "enum": ["base64", "url"]},
                                "value": {"type": "string"},
                            },
                        }
                    },
                }
            },
        },
    },
}

_GOOD = {
    "description": "What was found; facts about it in X-Amzn-SageMaker-Custom-Attributes",
    "content": {m: {"schema": _DETECTIONS_SCHEMA} if m == "application/json" else _BINARY for m in OFFERS},
}


def answers() -> dict[str, Any]:
    """Every answer of an invocation, by status."""
    return {
        "200": _GOOD,
        "400": error("The picture, the attributes or the JSON cannot be read"),
        "406": error("None of the accepted types exists"),
        "413": error("The body or the picture is too large"),
        "415": error("The content type or the kind of picture is not read"),
        "422": error("The picture has no pixels"),
        "503": error("Loading, or too many requests waiting; Retry-After says when"),
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

NATIVE_ANSWERS = {
    "200": _GOOD,
    "400": {
        "description": "ValidationError: no such endpoint, or attributes over 1024 characters",
        "content": {"application/json": {"schema": _TYPED}},
    },
    "424": {
        "description": "ModelError: what the container answered",
        "content": {"application/json": {"schema": _TYPED}},
    },
}
