"""Semantic segmentation: the class of every pixel, as a region for each class."""

from container.workflows import kinds
from container.workflows.blocks._models import BEST, CUSTOM, ModelBlock
from container.workflows.manifest import Field, add

_NAME = "roboflow_core/roboflow_semantic_segmentation_model"


def _version(number: int, options: tuple[Field, ...]) -> ModelBlock:
    return ModelBlock(
        ids=(f"{_NAME}@v{number}",),
        title="Semantic segmentation model",
        doc="Finds the class of every pixel: a region for each class that is there, with the mean of its scores.",
        task="semantic segmentation",
        kinds=(kinds.SEMANTIC,),
        options=options,
        rle=True,
    )


add(_version(1, ()))
add(_version(2, (BEST, CUSTOM)))
