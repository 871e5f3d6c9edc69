"""Object detection: boxes; models that find masks or keypoints answer as well, without these."""

from container.workflows import kinds
from container.workflows.blocks._models import ACTIVE_LEARNING, BEST, CONFIDENCE, CUSTOM, NMS, ModelBlock
from container.workflows.manifest import Field, add

_NAME = "roboflow_core/roboflow_object_detection_model"
_ALIASES = ("RoboflowObjectDetectionModel", "ObjectDetectionModel")


def _version(number: int, options: tuple[Field, ...], aliases: tuple[str, ...] = ()) -> ModelBlock:
    return ModelBlock(
        ids=(f"{_NAME}@v{number}", *aliases),
        title="Object detection model",
        doc="Finds objects in a picture: their boxes, classes and scores.",
        task="object detection",
        kinds=(kinds.OBJECTS,),
        options=(*options, *NMS, *ACTIVE_LEARNING),
        named=number > 1,
        masks=False,
    )


add(_version(1, (CONFIDENCE,), _ALIASES))
add(_version(2, (CONFIDENCE,)))
add(_version(3, (BEST, CUSTOM)))
