"""Keypoint detection: boxes with keypoints."""

from dataclasses import replace

import numpy as np

from container.fields import Number
from container.workflows import kinds
from container.workflows.blocks._models import ACTIVE_LEARNING, CONFIDENCE, CUSTOM, DEFAULT, NMS, ModelBlock
from container.workflows.manifest import Field, Row, add
from container.workflows.values import Classified, Detections

_NAME = "roboflow_core/roboflow_keypoint_detection_model"
_ALIASES = ("RoboflowKeypointDetectionModel", "KeypointsDetectionModel")
_OF_KEYPOINTS = Field(
    "keypoint_confidence", "Keypoints of lower scores are left out", Number(0, 1), (kinds.FRACTION,), 0.0
)


class KeypointBlock(ModelBlock):
    """A block whose predictions have keypoints; those that are left out are NaN."""

    def finished(self, found: Detections | Classified, values: Row) -> Detections | Classified:
        """Return the detections without keypoints of lower scores."""
        if not isinstance(found, Detections) or found.instances.keypoints is None:
            return found
        points = found.instances.keypoints
        sure = points[..., 2:] >= np.float32(values[_OF_KEYPOINTS.name])
        return replace(found, instances=replace(found.instances, keypoints=np.where(sure, points, np.float32(np.nan))))


def _version(number: int, options: tuple[Field, ...], aliases: tuple[str, ...] = ()) -> ModelBlock:
    return KeypointBlock(
        ids=(f"{_NAME}@v{number}", *aliases),
        title="Keypoint detection model",
        doc="Finds objects in a picture: their boxes, keypoints, classes and scores.",
        task="keypoint detection",
        kinds=(kinds.KEYPOINTS,),
        options=(*options, _OF_KEYPOINTS, *NMS, *ACTIVE_LEARNING),
        named=number > 1,
    )


add(_version(1, (CONFIDENCE,), _ALIASES))
add(_version(2, (CONFIDENCE,)))
add(_version(3, (DEFAULT, CUSTOM)))
