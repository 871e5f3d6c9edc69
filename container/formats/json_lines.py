"""“jsonlines”: one detection a line, each sent as soon as its mask is encoded."""

from collections.abc import Iterator

from container.formats._base import Streamed, add
from container.formats._json import dump, mask, numbers
from container.structures import Choice, Instances, MaskEncoding, Result


class JsonLines(Streamed):
    """`{"label": "horse 100%", "box": [x1, y1, x2, y2]}` and a line feed an instance, best first, boxes in pixels.

    Asked for masks a line adds `score`, `class_id` and `mask`, and a model of keypoints `keypoints`, all as “json” has
    them in its arrays. Nothing found is an empty body. Source of the media type: SageMaker's JSON Lines.
    """

    name, media_type, rank = "jsonlines", "application/jsonlines", 3
    text = True
    suffix = ".jsonl"

    def needs_masks(self, choice: Choice) -> bool:
        """Return True if they are asked for."""
        return choice.appearance.masks != "none"

    def pieces(self, result: Result, choice: Choice) -> Iterator[bytes]:
        """The lines."""
        return _lines(result.prediction.instances().finite(), choice.appearance.masks)


def _lines(instances: Instances, encoding: MaskEncoding) -> Iterator[bytes]:
    boxes, scores = numbers(instances.boxes), numbers(instances.scores)
    keypoints = None if instances.keypoints is None else numbers(instances.keypoints)
    for i, caption in enumerate(instances.captions):
        line: dict[str, object] = {"label": caption, "box": boxes[i]}
        if encoding != "none":
            line |= {"score": scores[i], "class_id": int(instances.classes[i]), "mask": mask(instances, i, encoding)}
        if keypoints is not None:
            line["keypoints"] = keypoints[i]
        yield dump(line) + b"\n"


add(JsonLines())
