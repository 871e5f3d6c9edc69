"""Instance segmentation: objects with their outlines."""

from container.workflows import kinds
from container.workflows.blocks._models import ACTIVE_LEARNING, BEST, CONFIDENCE, CUSTOM, DENSE, MASKS, NMS, ModelBlock
from container.workflows.manifest import Field, add

_NAME = "roboflow_core/roboflow_instance_segmentation_model"
_ALIASES = ("RoboflowInstanceSegmentationModel", "InstanceSegmentationModel")
_COMMON = (*NMS, *MASKS, *ACTIVE_LEARNING)


def _version(number: int, options: tuple[Field, ...], aliases: tuple[str, ...] = ()) -> ModelBlock:
    runs = number >= 4  # run lengths
    return ModelBlock(
        ids=(f"{_NAME}@v{number}", *aliases),
        title="Instance segmentation model",
        doc="Finds objects in a picture: their boxes, masks, classes and scores.",
        task="instance segmentation",
        kinds=(kinds.RLE_MASKS, kinds.MASKS) if runs else (kinds.MASKS,),
        options=(*options, *_COMMON, *(() if runs else (DENSE,))),
        named=number > 1,
        rle=runs,
    )


add(_version(1, (CONFIDENCE,), _ALIASES))
add(_version(2, (CONFIDENCE,)))
add(_version(3, (BEST, CUSTOM)))
add(_version(4, (BEST, CUSTOM)))
