"""The same answers from a GPU as from the CPU, alone and in a batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch

from container.engines import building, runtime
from container.models import artifact, locate
from container.structures import ImageQuery, Instances, Options
from tests.engines.test_golden import make

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU")]


@pytest.mark.parametrize(
    ("precision", "pixels", "scores"), [("fp32", 1.0, 0.01), ("bf16", 8.0, 0.05), ("fp16", 3.0, 0.02)]
)
def test_a_gpu_finds_what_the_cpu_finds(precision: str, pixels: float, scores: float) -> None:
    spec = artifact.read(locate.EMBEDDED, Path())
    queries = [
        ImageQuery(photo, Options(confidence=0.7)) for photo in (skimage.data.astronaut(), skimage.data.chelsea())
    ]
    expected = building.load(spec, runtime.start("cpu", "fp32", 2)).predict(queries)
    found = building.load(spec, runtime.start("cuda", precision, 2)).predict(queries)
    for one, other in zip(found, expected, strict=True):
        assert isinstance(one, Instances) and isinstance(other, Instances)
        assert one.labels == other.labels and one.boxes.dtype == np.float32
        np.testing.assert_allclose(one.boxes, other.boxes, atol=pixels)
        np.testing.assert_allclose(one.scores, other.scores, atol=scores)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize(
    ("architecture", "classes", "parameters"),
    [
        ("maskrcnn_resnet50_fpn_v2", 91, {"min_size": 200, "max_size": 320}),
        ("keypointrcnn_resnet50_fpn", 2, {"min_size": 200, "max_size": 320}),
        ("retinanet_resnet50_fpn", 91, {"min_size": 200, "max_size": 320}),
        ("fcos_resnet50_fpn", 91, {"min_size": 200, "max_size": 320}),
        ("ssdlite320_mobilenet_v3_large", 91, {}),
        ("lraspp_mobilenet_v3_large", 21, {}),
        ("mobilenet_v3_small", 1000, {}),
    ],
)
def test_every_kind_of_model_runs_on_a_gpu(
    architecture: str, classes: int, parameters: dict[str, Any], precision: str
) -> None:
    _, on_cpu = make(architecture, classes, **parameters)
    engine = building.load(on_cpu.spec, runtime.start("cuda", precision, 2))
    photos = [skimage.data.astronaut(), np.zeros((33, 700, 3), np.uint8), skimage.data.coffee()]
    options = [Options(confidence=0.01), Options(confidence=1.0), Options(max_detections=1, class_agnostic_nms=True)]
    found = engine.predict([ImageQuery(*one) for one in zip(photos, options, strict=True)])
    assert [prediction.image_size for prediction in found] == [photo.shape[:2] for photo in photos]
    assert len(found[2]) <= 1
