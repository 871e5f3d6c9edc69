"""The text in a picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from container.structures import Instances
from container.structures.texts import Reading
from container.workflows import kinds
from container.workflows.blocks._models import IMAGES
from container.workflows.blocks._rows import picture
from container.workflows.manifest import Block, Output, Row, Step, add
from container.workflows.values import Detections, Picture, new_id


class OCRModel(Block):
    """Text, and its words as detections."""

    ids = ("roboflow_core/ocr_model@v1", "OCRModel")
    title = "OCR model"
    doc = "Reads the text in each picture, and finds the box of each word."
    fields = (IMAGES,)
    outputs = (
        Output("result", (kinds.STRING,)),
        Output("predictions", (kinds.OBJECTS,)),
        Output("parent_id", (kinds.PARENT_ID,)),
        Output("root_parent_id", (kinds.PARENT_ID,)),
        Output("prediction_type", (kinds.PREDICTION_TYPE,)),
    )

    def run(self, row: Row, step: Step) -> dict[str, Any]:
        """Return the outputs for one picture; see `run_all`."""
        return self.run_all([row], step)[0]

    def run_all(self, rows: Sequence[Row], step: Step) -> list[dict[str, Any]]:
        """Return the outputs for each picture; raises the errors of Models.read, and StepFailed for no picture."""
        pictures = [picture(row, IMAGES.name) for row in rows]
        return [_outputs(*one) for one in zip(step.models.read(pictures), pictures, strict=True)]


def _outputs(reading: Reading, shown: Picture) -> dict[str, Any]:
    return {
        "result": reading.text,
        "predictions": _detections(reading, shown),
        "parent_id": shown.frame.id,
        "root_parent_id": shown.frame.whole().id,
        "prediction_type": "ocr",
    }


def _detections(reading: Reading, shown: Picture) -> Detections:
    """Return a detection for each word, whose class is the word."""
    words = reading.words
    found = Instances(
        image_size=shown.frame.size,
        boxes=np.array([word.box for word in words], np.float32).reshape(-1, 4),
        scores=np.array([word.score for word in words], np.float32),
        classes=np.zeros(len(words), np.int64),
        labels=tuple(word.text for word in words),
    )
    return Detections(found, shown.frame, tuple(new_id() for _ in words), new_id())


add(OCRModel())
