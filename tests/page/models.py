"""Models of random weights: keypoints, classes of a photo, and a semantic one that finds all its classes."""

from pathlib import Path

import numpy as np
import torch

from container.engines import weight_files
from container.engines.base import architectures
from container.structures import ModelSpec
from tests.clients.stored_models import BACKGROUND, KINDS, POSE, SPREAD, described, write_random

AREAS = ModelSpec("areas", "lraspp_mobilenet_v3_large", "", (BACKGROUND, "a", "b", "c"))


def write_models(root: Path, photo: np.ndarray) -> list[str]:
    """Write folders "pose", "kinds" and "areas" into `root`, and return these names; "areas" is made for the photo."""
    write_random(root / "pose", POSE)
    write_random(root / "kinds", KINDS)
    torch.manual_seed(0)
    module = architectures[AREAS.architecture].build(num_classes=len(AREAS.labels)).eval()
    last = [module.classifier.low_classifier, module.classifier.high_classifier]
    with torch.inference_mode():
        pixels = (torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255 - 0.45) / 0.225
        means = module(pixels)["out"].mean((0, 2, 3))  # as it begins, one class wins every pixel
    last[1].bias.data -= means
    for part in last:
        part.weight.data *= SPREAD
        part.bias.data *= SPREAD
    weight_files.write(module, described(root / "areas", AREAS))
    return ["pose", "kinds", "areas"]
