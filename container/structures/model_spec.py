"""What has to be known of a model to build it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from container.structures.options import Options

WEIGHTS_TYPES = (".safetensors", ".pth", ".pt")  # endings of weights files


@dataclass(frozen=True)
class ModelSpec:
    """A model by its parts, before anything of it is loaded."""

    name: str  # what answers and logs call it
    architecture: str  # a name of `python -m container models`
    weights: Path | str  # a file, or the name of torchvision's own weights, such as COCO_V1
    labels: tuple[str, ...] = ()  # class id → name; empty: what torchvision's weights of that many classes are called
    parameters: Mapping[str, object] = field(default_factory=dict)  # for the builder, such as {"min_size": 640}
    options: Options = field(default_factory=Options)  # the model's own defaults
    batch_norm_eps: float | None = None  # of every batch norm; None: as the builder sets it
