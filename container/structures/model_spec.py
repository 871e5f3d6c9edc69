"""The specification from which a model is built."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from container.structures.options import Options
from container.structures.preprocessing import Preprocessing

SAFE_TYPE = ".safetensors"
WEIGHTS_TYPES = (SAFE_TYPE, ".pth", ".pt", ".bin", ".ckpt", ".pth.tar")  # endings of weights files, in any case
PART_TYPES = (".onnx",)  # endings of other files by which a folder is known to be a model; kinds say of which
# Folders by which a folder is known to be a model: Open Model Zoo's downloader makes intel/NAME/PRECISION/.
PART_FOLDERS = ("intel/gaze-estimation-adas-0002",)


def is_weights(name: str) -> bool:
    """Return True for the name of a weights file, by its ending."""
    return name.lower().endswith(WEIGHTS_TYPES)


def is_part(name: str) -> bool:
    """Return True for the name of a file by which a folder is known to be a model: weights, or other parts of one."""
    return name.lower().endswith(WEIGHTS_TYPES + PART_TYPES)


@dataclass(frozen=True)
class ModelSpec:
    """The parts of a model, before any of them is loaded."""

    name: str  # as in responses and logs
    architecture: str  # a name of `python -m container models`
    weights: Path | str  # a file, a folder, or the name of torchvision's own weights, such as COCO_V1
    labels: tuple[str, ...] = ()  # class id → name; empty: those of torchvision's weights with that many classes
    parameters: Mapping[str, object] = field(default_factory=dict)  # for the builder, such as {"min_size": 640}
    options: Options = field(default_factory=Options)  # the model's own defaults
    batch_norm_eps: float | None = None  # of every batch norm; None: the builder's value
    activation: str = ""  # "sigmoid" for a semantic model with one output; else the kind's own
    preprocessing: Preprocessing = field(default_factory=Preprocessing)  # of images, as in training
    workflow: str = ""  # JSON of the workflow that invocations of the model run; "": they ask the model alone

    @property
    def bytes(self) -> int:
        """The size of the weights, or of the files of a folder; 0 if they are yet to be fetched.

        Folders often hold the same weights in several forms: where some are safetensors, the others do not count.
        """
        if isinstance(self.weights, str):
            return 0
        files = [*self.weights.rglob("*")] if self.weights.is_dir() else [self.weights]
        if any(file.name.lower().endswith(SAFE_TYPE) for file in files):
            files = [file for file in files if file.name.lower().endswith(SAFE_TYPE) or not is_weights(file.name)]
        return sum(file.stat().st_size for file in files if file.is_file())
