"""“json”: labels and boxes as parallel arrays, and masks where they are asked for."""

from collections.abc import Sequence
from dataclasses import replace

from container.formats._base import Format, formats
from container.formats._finite import finite
from container.formats._json import dump, mask, numbers
from container.structures import Choice, Options, Result


class DetectionsJson(Format):
    """`{"labels": ["horse 100%", …], "boxes": [[x1, y1, x2, y2], …]}`, best first, boxes in pixels.

    Asked for masks it adds `scores`, `class_ids` and `masks`: COCO run lengths or a list of polygons an instance, null
    where the model makes none. A model of keypoints adds `keypoints`, [[x, y, score], …] an instance.
    """

    media_type = "application/json"
    batches = True

    def options(self, choice: Choice) -> Options:
        """No masks where none are asked for."""
        return replace(choice.options, skip_masks=choice.appearance.masks == "none")

    def encode(self, result: Result, choice: Choice) -> bytes:
        """One object."""
        return dump(_document(result, choice))

    def encode_batch(self, results: Sequence[Result], choice: Choice) -> bytes:
        """An array of the objects that `encode` gives."""
        return dump([_document(result, choice) for result in results])


def _document(result: Result, choice: Choice) -> dict[str, object]:
    instances = finite(result.instances)
    document: dict[str, object] = {
        "labels": instances.captions,
        "boxes": numbers(instances.boxes),
    }
    if choice.appearance.masks != "none":
        document["scores"] = numbers(instances.scores)
        document["class_ids"] = instances.classes.tolist()
        document["masks"] = [mask(instances, i, choice.appearance.masks) for i in range(len(instances))]
    if instances.keypoints is not None:
        document["keypoints"] = numbers(instances.keypoints)
    return document


formats.add("json", DetectionsJson())
