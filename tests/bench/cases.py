"""What is measured: models with weights, photos, and thresholds that find a known number of objects."""

import io
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import torch
import torchvision
from PIL import Image
from torchvision.transforms.functional import to_tensor

from container.engines import weight_files
from container.engines.kinds.maskrcnn_mobilenet_v2_fpn import build
from container.models import artifact, locate
from tests.engines.test_golden import calibrate

SIZES = {"480x640": (480, 640), "1080p": (1080, 1920), "4K": (2160, 3840)}  # height, width
EMBEDDED = "maskrcnn_mobilenet_v2_fpn"


@dataclass
class Case:
    """One model on one photo, and the confidence from which on it finds `detections` objects there."""

    model: str
    size: str
    photo: bytes  # JPEG
    weights: Path
    labels: tuple[str, ...]
    confidence: float
    detections: int
    kinds: tuple[str, ...] = field(default=("json", "rle", "png", "jpeg"))


def photo(size: str) -> bytes:
    """Coffee and the astronaut side by side, at a size."""
    height, width = SIZES[size]
    halves = [cv2.resize(one, (width // 2, height)) for one in (skimage.data.coffee(), skimage.data.astronaut())]
    file = io.BytesIO()
    Image.fromarray(np.concatenate(halves, 1)).save(file, "JPEG", quality=90)
    return file.getvalue()


def make(model: str, size: str, detections: int, folder: Path) -> Case:
    """Write the weights, and look for the confidence: in the widest gap of scores around the number asked for."""
    torch.manual_seed(0)
    if model == EMBEDDED:
        with artifact.opened(locate.EMBEDDED) as spec:
            labels = spec.labels
            assert isinstance(spec.weights, Path)
            module = build(len(labels)).eval()
            weight_files.fit(module, weight_files.read(spec.weights))
    else:
        semantic = model in torchvision.models.list_models(torchvision.models.segmentation)
        labels = ("__background__", *(f"class {i}" for i in range(1, 21 if semantic else 91)))
        module = torchvision.models.get_model(model, weights=None, weights_backbone=None, num_classes=len(labels))
        calibrate(module.eval())
    weights = folder / f"{model}.pth"
    torch.save(module.state_dict(), weights)
    data = photo(size)
    if not hasattr(module, "transform"):
        return Case(model, size, data, weights, labels, 0.0, 0, ("json", "png", "jpeg"))
    with torch.inference_mode():
        scores = module([to_tensor(Image.open(io.BytesIO(data)))])[0]["scores"].tolist()
    around = range(max(1, detections * 9 // 10), min(len(scores) - 1, detections * 11 // 10) + 1)
    count = max(around, key=lambda i: scores[i - 1] - scores[i], default=len(scores))
    confidence = (scores[count - 1] + scores[count]) / 2 if count < len(scores) else scores[-1] * 0.999
    return Case(model, size, data, weights, labels, confidence, count)
