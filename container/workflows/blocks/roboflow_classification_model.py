"""Classification: the classes of a picture."""

from container.workflows import kinds
from container.workflows.blocks._models import ACTIVE_LEARNING, CONFIDENCE, CUSTOM, DEFAULT, ModelBlock
from container.workflows.manifest import Field, add

_NAME = "roboflow_core/roboflow_classification_model"
_ALIASES = ("RoboflowClassificationModel", "ClassificationModel")


def _version(number: int, options: tuple[Field, ...], aliases: tuple[str, ...] = ()) -> ModelBlock:
    return ModelBlock(
        ids=(f"{_NAME}@v{number}", *aliases),
        title="Classification model",
        doc="Says what a picture shows: its classes and their scores, best first.",
        task="classification",
        kinds=(kinds.CLASSIFICATION,),
        options=(*options, *ACTIVE_LEARNING),
        named=number > 1,
        masks=False,
    )


add(_version(1, (CONFIDENCE,), _ALIASES))
add(_version(2, (CONFIDENCE,)))
add(_version(3, (DEFAULT, CUSTOM)))
