"""“json”: labels and boxes as parallel arrays, and masks where they are asked for."""

from collections.abc import Sequence

from container.formats import _lines
from container.formats._base import Documents, add
from container.structures import Choice, Result
from container.structures.strict_json import dump, join_array, join_object, mask, numbers
from container.structures.texts import Reading

_SCHEMA = {
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


class DetectionsJson(Documents):
    """`{"labels": ["horse 100%", …], "boxes": [[x1, y1, x2, y2], …]}`, best first, boxes in pixels.

    Asked for scores it adds `scores` and `class_ids`; asked for masks these and `masks`: COCO run lengths or a list of
    polygons an instance, null where the model makes none. A model of keypoints adds `keypoints`, [[x, y, score], …] an
    instance. A reader of text is answered by `{"text": …, "lines": […]}`.
    """

    name, media_type, rank = "json", "application/json", 0
    batches = True
    schemas = (
        _SCHEMA,
        _lines.SCHEMA,
        {"type": "array", "items": {"anyOf": [_SCHEMA, _lines.SCHEMA]}, "description": "To an array of pictures"},
    )
    text = True

    def needs_masks(self, choice: Choice) -> bool:
        """Return True if they are asked for."""
        return choice.appearance.masks != "none"

    def encode(self, result: Result, choice: Choice) -> bytes:
        """One object."""
        return _document(result, choice)

    def encode_batch(self, results: Sequence[Result], choice: Choice) -> bytes:
        """An array of the objects that `encode` gives."""
        return join_array(_document(result, choice) for result in results)

    def join(self, documents: Sequence[bytes], batch: bool) -> bytes:
        """The object, or an array of them."""
        return join_array(documents) if batch else documents[0]


def _document(result: Result, choice: Choice) -> bytes:
    if isinstance(result.prediction, Reading):
        return _lines.document(result.prediction)
    instances = result.prediction.instances().finite()
    encoding = choice.appearance.masks
    members = {
        "labels": dump(instances.captions),
        "boxes": dump(numbers(instances.boxes)),
    }
    if encoding != "none" or choice.appearance.scores:
        members["scores"] = dump(numbers(instances.scores))
        members["class_ids"] = dump(instances.classes.tolist())
    if encoding != "none":
        members["masks"] = join_array(dump(mask(instances, i, encoding)) for i in range(len(instances)))
    if instances.keypoints is not None:
        members["keypoints"] = dump(numbers(instances.keypoints))
    return join_object(members)


add(DetectionsJson())
