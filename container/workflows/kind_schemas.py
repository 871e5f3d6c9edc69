"""How values of each kind stand in JSON: a type hint, and for objects a JSON schema."""

from typing import Any

from container.workflows import kinds

# In the words of Python, as clients generate code from them.
HINTS = {
    kinds.ANY: "Any",
    kinds.IMAGE: "dict",
    kinds.OBJECTS: "dict",
    kinds.MASKS: "dict",
    kinds.RLE_MASKS: "dict",
    kinds.KEYPOINTS: "dict",
    kinds.SEMANTIC: "dict",
    kinds.CLASSIFICATION: "dict",
    kinds.STRING: "str",
    kinds.INTEGER: "int",
    kinds.FLOAT: "float",
    kinds.FRACTION: "float",
    kinds.BOOLEAN: "bool",
    kinds.LIST: "List[Any]",
    kinds.DICTIONARY: "dict",
    kinds.CLASS: "str",
    kinds.COLOR: "Tuple[int, int, int]",
    kinds.ZONE: "List[Tuple[int, int]]",
    kinds.MODEL_ID: "str",
    kinds.PROJECT: "str",
    kinds.INFERENCE_ID: "str",
    kinds.PREDICTION_TYPE: "str",
    kinds.PARENT_ID: "str",
    kinds.CONTOURS: "List[list]",
}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "required": [*required], "properties": required | optional}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_TEXT, _NUMBER, _WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
_SIZE = _object({"width": _WHOLE, "height": _WHOLE})
_POINT = {"x": _NUMBER, "y": _NUMBER}
_CLASS = {"class": _TEXT, "class_id": _WHOLE, "confidence": {"type": "number", "minimum": 0, "maximum": 1}}
_BOX = {
    "x": {"type": "number", "description": "The centre, in pixels"},
    "y": {"type": "number", "description": "The centre, in pixels"},
    "width": _NUMBER,
    "height": _NUMBER,
    **_CLASS,
    "detection_id": _TEXT,
}
_RUN_LENGTHS = _object({"size": _list(_WHOLE), "counts": {"description": "Run lengths as COCO writes them"}})


def _detections(**more: Any) -> dict[str, Any]:
    return _object({"image": _SIZE, "predictions": _list(_object(_BOX | more, parent_id=_TEXT))})


SCHEMAS: dict[str, dict[str, Any] | list[dict[str, Any]]] = {
    kinds.IMAGE: _object({"type": {"type": "string", "enum": ["base64", "url"]}, "value": _TEXT}),
    kinds.OBJECTS: _detections(),
    kinds.MASKS: _detections(points=_list(_object(_POINT))),
    kinds.RLE_MASKS: _detections(rle_mask=_RUN_LENGTHS),
    kinds.KEYPOINTS: _detections(keypoints=_list(_object(_POINT | _CLASS))),
    kinds.CLASSIFICATION: [
        _object({"image": _SIZE, "predictions": _list(_object(_CLASS)), "top": _TEXT, "confidence": _NUMBER}),
        _object(
            {
                "image": _SIZE,
                "predictions": {
                    "type": "object",
                    "additionalProperties": _object({"class_id": _WHOLE, "confidence": _NUMBER}),
                },
                "predicted_classes": _list(_TEXT),
            }
        ),
    ],
}


def described(kind: str) -> dict[str, Any]:
    """Return a kind as `GET /workflows/blocks/describe` tells of it."""
    return {"name": kind, "description": kinds.WORDS[kind], "serialised_data_type": HINTS[kind]}
