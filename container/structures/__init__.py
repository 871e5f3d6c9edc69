"""The data types passed between layers: frozen, numpy only, independent of the layers that use them."""

from container.structures.gaze import GazeQuery, Gazes
from container.structures.instances import Instances
from container.structures.masks import (
    Bitmasks,
    Crop,
    CroppedMasks,
    CutMasks,
    JoinedMasks,
    LabelMapMasks,
    Masks,
    PlacedMasks,
    RoiMasks,
)
from container.structures.model_spec import PART_FOLDERS, WEIGHTS_TYPES, ModelSpec, is_part, is_weights
from container.structures.options import (
    MAX_DETECTIONS,
    Appearance,
    Choice,
    Colors,
    MaskDecodeMode,
    MaskEncoding,
    Options,
    Render,
)
from container.structures.preprocessing import Preprocessing, PreprocessingStep
from container.structures.prompts import Embedding, Prompt, PromptQuery, Segmentation, Segments
from container.structures.result import (
    Classification,
    Image,
    ImageQuery,
    Prediction,
    Result,
    SemanticMap,
    WinningProbabilities,
)

__all__ = [
    "MAX_DETECTIONS",
    "PART_FOLDERS",
    "WEIGHTS_TYPES",
    "Appearance",
    "Bitmasks",
    "Choice",
    "Classification",
    "Colors",
    "Crop",
    "CroppedMasks",
    "CutMasks",
    "Embedding",
    "GazeQuery",
    "Gazes",
    "Image",
    "ImageQuery",
    "Instances",
    "JoinedMasks",
    "LabelMapMasks",
    "MaskDecodeMode",
    "MaskEncoding",
    "Masks",
    "ModelSpec",
    "Options",
    "PlacedMasks",
    "Prediction",
    "Preprocessing",
    "PreprocessingStep",
    "Prompt",
    "PromptQuery",
    "Render",
    "Result",
    "RoiMasks",
    "Segmentation",
    "Segments",
    "SemanticMap",
    "WinningProbabilities",
    "is_part",
    "is_weights",
]
