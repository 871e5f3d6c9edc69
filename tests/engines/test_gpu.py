"""The same answers from a GPU as from the CPU, alone and in a batch."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch

from container.engines import _loading, _runtime
from container.models import artifact, locate
from container.structures import Instances, Options

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU")]


@pytest.mark.parametrize(
    ("precision", "pixels", "scores"), [("fp32", 1.0, 0.01), ("bf16", 12.0, 0.05), ("fp16", 4.0, 0.02)]
)
def test_a_gpu_finds_what_the_cpu_finds(precision: str, pixels: float, scores: float) -> None:
    spec = artifact.read(locate.EMBEDDED, Path())
    photos = [skimage.data.astronaut(), skimage.data.chelsea()]
    options = [Options(confidence=0.7), Options(confidence=0.7)]
    expected = _loading.load(spec, _runtime.start("cpu", "fp32", 2)).predict(photos, options)
    found = _loading.load(spec, _runtime.start("cuda", precision, 2)).predict(photos, options)
    for one, other in zip(found, expected, strict=True):
        assert isinstance(one, Instances) and isinstance(other, Instances)
        assert one.labels == other.labels and one.boxes.dtype == np.float32
        np.testing.assert_allclose(one.boxes, other.boxes, atol=pixels)
        np.testing.assert_allclose(one.scores, other.scores, atol=scores)
