"""“jsonlines”: one detection a line, each sent as soon as its mask is encoded."""

from collections.abc import Iterator, Sequence

from container.formats._base import Documents, Streamed, add
from container.formats._lines import line as line_of_text
from container.structures import Appearance, Choice, Instances, Result
from container.structures.strict_json import dump, mask, numbers
from container.structures.texts import Reading


class JsonLines(Streamed, Documents):
    """`{"label": "horse 100%", "box": [x1, y1, x2, y2]}` and a line feed an instance, best first, boxes in pixels.

    Asked for scores a line adds `score` and `class_id`, asked for masks these and `mask`, and a model of keypoints
    `keypoints`, all as “json” has them in its arrays. A line of text has `text`, `score` and `box`. Nothing found is an
    empty body. Source of the media type: SageMaker's JSON Lines; the aliases are what others call it.
    """

    name, media_type, rank = "jsonlines", "application/jsonlines", 3
    aliases = ("x-jsonlines", "ndjson", "x-ndjson")
    text = True
    suffix = ".jsonl"

    def needs_masks(self, choice: Choice) -> bool:
        """Return True if they are asked for."""
        return choice.appearance.masks != "none"

    def pieces(self, result: Result, choice: Choice) -> Iterator[bytes]:
        """The lines."""
        if isinstance(result.prediction, Reading):
            return (line_of_text(line) + b"\n" for line in result.prediction.joined)
        return _lines(result.prediction.instances().finite(), choice.appearance)

    def join(self, documents: Sequence[bytes], batch: bool) -> bytes:
        """A line for each."""
        return b"".join(document + b"\n" for document in documents)


def _lines(instances: Instances, appearance: Appearance) -> Iterator[bytes]:
    boxes, scores = numbers(instances.boxes), numbers(instances.scores)
    keypoints = None if instances.keypoints is None else numbers(instances.keypoints)
    for i, caption in enumerate(instances.captions):
        line: dict[str, object] = {"label": caption, "box": boxes[i]}
        if appearance.masks != "none" or appearance.scores:
            line |= {"score": scores[i], "class_id": int(instances.classes[i])}
        if appearance.masks != "none":
            line["mask"] = mask(instances, i, appearance.masks)
        if keypoints is not None:
            line["keypoints"] = keypoints[i]
        yield dump(line) + b"\n"


add(JsonLines())
