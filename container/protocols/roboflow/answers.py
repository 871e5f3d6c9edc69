"""A model's predictions as Roboflow's JSON: boxes by their centre, outlines, keypoints, classes, maps of classes.

One kind of answer for each type of prediction; numbers are those of /invocations. Source of the shapes: the answers
that `inference_sdk` and `supervision` read.
"""

import base64
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from container.cancellation import checkpoint
from container.engines.base import ImageEngine
from container.formats import Format, formats
from container.formats.pictures import encode_file
from container.protocols.roboflow.fields import Fields
from container.structures import Appearance, Choice, Classification, Instances, Result, SemanticMap
from container.structures.keypoints import keypoint_names
from container.structures.strict_json import dump, join_array, join_object, numbers, points

_JPEG = "jpeg"
_DRAWN_CLASSES = 3  # of a classification, in the corner of its picture
_BACKGROUND = "background"


@dataclass
class Answer(Format):
    """The answer for each picture of one request."""

    fields: Fields
    engine: ImageEngine
    masks: bool  # True if instances are answered with their masks
    begun: float  # when work on the request began, on the monotonic clock
    document: bool = True  # True for JSON, False for the picture alone
    visualization: bool = False  # True if the JSON holds the picture

    def encode(self, result: Result, choice: Choice) -> bytes:
        """Return the answer for one picture: JSON, or a JPEG of the picture with its predictions drawn on it."""
        prediction = result.prediction
        if isinstance(prediction, SemanticMap):
            confidences = prediction.pixel_confidences()
            prediction = prediction.cut(self.fields.least_confidence(self.engine), confidences)
            result = replace(result, prediction=prediction)
        if not self.document:
            return self._picture(result)
        height, width = result.image.size
        members = {"inference_id": dump(self.fields.id or str(uuid.uuid4()))}
        if isinstance(prediction, SemanticMap):
            members |= self._semantic(prediction, confidences)
        elif isinstance(prediction, Classification):
            members |= self._classes(prediction)
        else:
            members["predictions"] = join_array(self._instances(prediction.instances().finite()))
        members["image"] = dump({"width": width, "height": height})
        if self.visualization:
            members["visualization"] = dump(base64.b64encode(self._picture(result)).decode())
        members["time"] = dump(round(time.monotonic() - self.begun, 6))
        return join_object(members)

    def _picture(self, result: Result) -> bytes:
        prediction, labels = result.prediction, self.fields.visualization_labels
        if isinstance(prediction, Classification):
            best = slice(_DRAWN_CLASSES)
            prediction = replace(
                prediction,
                scores=prediction.scores[best],
                classes=prediction.classes[best],
                labels=prediction.labels[best],
            )
            labels = True
        look = Appearance(draw_labels=labels, line_width=self.fields.visualization_stroke_width)
        return formats[_JPEG].encode(replace(result, prediction=prediction), Choice(_JPEG, appearance=look))

    def _instances(self, found: Instances) -> Iterator[bytes]:
        ids = self.engine.indices
        found = found[np.isin(found.classes, list(ids))]  # one-stage detectors may say one of COCO's unused ids
        left, top, right, bottom = found.boxes.T
        centred = np.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], axis=1)
        scores = numbers(found.scores)
        for i, (x, y, width, height) in enumerate(numbers(centred)):
            checkpoint()
            members = {
                "x": dump(x),
                "y": dump(y),
                "width": dump(width),
                "height": dump(height),
                "confidence": dump(scores[i]),
                "class": dump(found.labels[i]),
                "class_id": dump(ids[int(found.classes[i])]),
                "detection_id": dump(str(uuid.uuid4())),
            }
            if self.masks and found.masks is not None:
                rle = self.fields.response_mask_format == "rle"
                members |= {"rle": dump(found.masks.rle(i))} if rle else {"points": points(found.masks.outline(i))}
                members["mask_format"] = dump(self.fields.response_mask_format)
            if found.keypoints is not None:
                members["keypoints"] = dump(self._keypoints(found.keypoints[i]))
            yield join_object(members)

    def _keypoints(self, points: np.ndarray) -> list[dict[str, object]]:
        names = keypoint_names(len(points))
        return [
            {"x": x, "y": y, "confidence": score, "class_id": i, "class": names[i]}
            for i, (x, y, score) in enumerate(numbers(points))
            if score >= self.fields.keypoint_confidence
        ]

    def _classes(self, found: Classification) -> dict[str, bytes]:
        ids = self.engine.indices
        rows = zip(found.labels, found.classes.tolist(), numbers(found.scores), strict=True)
        least = self.fields.least_confidence(self.engine)
        kept = [
            {"class": label, "class_id": ids[one], "confidence": score} for label, one, score in rows if score >= least
        ]
        best = kept[0] if kept else {"class": "", "confidence": 0.0}
        return {"predictions": dump(kept), "top": dump(best["class"]), "confidence": dump(best["confidence"])}

    def _semantic(self, found: SemanticMap, confidences: np.ndarray) -> dict[str, bytes]:
        """Return the class of every pixel, counted from 1, and its confidence, both as grey PNG in base64.

        The first has 16 bits a pixel where there are over 255 classes.
        """
        names, ids = self.engine.names, self.engine.indices
        wide = np.uint8 if len(names) < 256 else np.uint16
        numbered = np.zeros(len(found.labels), wide)
        for class_id, index in ids.items():
            numbered[class_id] = index + 1
        shown = numbered[found.class_ids]
        document = {
            "segmentation_mask": _png(shown),
            "confidence_mask": _png(confidences),
            "class_map": {"0": _BACKGROUND, **{str(i + 1): name for i, name in enumerate(names)}},
            "present_class_ids": np.flatnonzero(np.bincount(shown.ravel())).tolist(),
        }
        return {"predictions": dump(document)}


def _png(pixels: np.ndarray) -> str:
    return base64.b64encode(encode_file(".png", pixels)).decode()
