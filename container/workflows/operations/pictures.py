"""Operations on pictures, and on the classes that a model gives a whole picture."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from container.errors import ServingError
from container.fields import Number, Word
from container.formats.pictures import jpeg_file
from container.workflows import kinds
from container.workflows.operations.base import NUMBERS, Operation
from container.workflows.operations.nodes import member
from container.workflows.operations.scope import Scope
from container.workflows.serialise import Serialisable
from container.workflows.values import Picture

IMAGE = (kinds.IMAGE,)


@dataclass(frozen=True)
class ExtractImageProperty(Operation, given=IMAGE, gives=NUMBERS):
    """The picture's height or width in pixels, how many pixels it has (size), or width ÷ height (aspect_ratio)."""

    property_name: str = member(Word(("size", "height", "width", "aspect_ratio")))

    def run(self, value: Any, scope: Scope) -> Any:
        height, width = self.picture(value).frame.size
        figures = {"height": height, "width": width, "size": height * width}
        return figures[self.property_name] if self.property_name in figures else width / height


@dataclass(frozen=True)
class ExtractFrameMetadata(Operation, given=IMAGE, gives=(kinds.ANY,)):
    """When the picture was taken; it is no frame of a video, so its number is 0, and its time is now."""

    property_name: str = member(Word(("frame_number", "frame_timestamp", "seconds_since_start")))

    def run(self, value: Any, scope: Scope) -> Any:
        self.picture(value)
        if self.property_name == "frame_timestamp":
            return datetime.now(UTC)
        return 0 if self.property_name == "frame_number" else 0.0


def _encoded(operation: Operation, value: object, quality: int, scope: Scope) -> bytes:
    picture: Picture = operation.picture(value)
    scope.check()
    try:
        return jpeg_file(picture.pixels, quality)
    except ServingError as error:
        raise operation.failure(f"cannot write the picture: {error.message}") from error


@dataclass(frozen=True)
class ConvertImageToJPEG(Operation, given=IMAGE, gives=(kinds.ANY,)):
    """The picture as a JPEG file, of a quality from 1 to 100."""

    compression_level: int = member(Number(1, 100, whole=True), default=95)

    def run(self, value: Any, scope: Scope) -> Any:
        return _encoded(self, value, self.compression_level, scope)


@dataclass(frozen=True)
class ConvertImageToBase64(Operation, given=IMAGE, gives=(kinds.STRING,)):
    """The picture as a JPEG file of quality 95 in base64."""

    def run(self, value: Any, scope: Scope) -> Any:
        return base64.b64encode(_encoded(self, value, 95, scope)).decode("ascii")


@dataclass(frozen=True)
class ClassificationPropertyExtract(Operation, given=(kinds.CLASSIFICATION,), gives=(kinds.ANY,)):
    """The best class of a picture, its confidence, or all of them.

    Where a picture may be of several classes: those that it is of, their confidences, or the highest of these
    (top_class_confidence_single).
    """

    property_name: str = member(
        Word(
            ("top_class", "top_class_confidence", "top_class_confidence_single", "all_classes", "all_confidences"),
        )
    )

    def run(self, value: Any, scope: Scope) -> Any:
        document = value.document(True) if isinstance(value, Serialisable) else value
        if not isinstance(document, dict):
            raise self.refusal(value, "the predictions of a classification")
        try:
            return self._property(document)
        except (KeyError, TypeError, AttributeError):
            raise self.refusal(value, "the predictions of a classification") from None

    def _property(self, document: dict[str, Any]) -> Any:
        entries = document["predictions"]
        if self.property_name in ("all_classes", "all_confidences"):
            if isinstance(entries, list):
                key = "class" if self.property_name == "all_classes" else "confidence"
                return [entry[key] for entry in entries]
            ordered = sorted(entries.items(), key=lambda item: item[1]["class_id"])
            return [name if self.property_name == "all_classes" else one["confidence"] for name, one in ordered]
        if self.property_name == "top_class":
            return document["top"] if "top" in document else document["predicted_classes"]
        if "confidence" in document:
            return document["confidence"]
        confidences = [entries[name]["confidence"] for name in document["predicted_classes"]]
        return confidences if self.property_name == "top_class_confidence" else max(confidences, default=0.0)
