"""Semantic models: the probability of each pixel's class, at the size of the picture."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from container.engines.kinds.torchvision_segmentation import SegmentationEngine
from container.engines.runtime import Runtime
from container.engines.tensors import pad_slim, thinning
from container.structures import ImageQuery, ModelSpec, Options, SemanticMap
from tests.rendering.scenes import photo

RUNTIME = Runtime(torch.device("cpu"), torch.float32)
LABELS = ("__background__", "cat", "dog")


class Logits(nn.Module):
    """Logits out of the colours of each pixel at an eighth of the size, and a record of them."""

    def __init__(self, classes: int, sharpness: float) -> None:
        super().__init__()
        self.classes, self.sharpness = classes, sharpness

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        small = F.avg_pool2d(pixels, 8, ceil_mode=True)[:, : self.classes]
        self.last = self.sharpness * small[0]
        return {"out": self.last[None]}


def softmax(logits: torch.Tensor) -> torch.Tensor:
    return logits.softmax(0).amax(0)


def sigmoid(logits: torch.Tensor) -> torch.Tensor:
    probability = logits[0].sigmoid()
    return torch.where(probability > 0.5, probability, 1 - probability)


ANY = Options()


def answer(
    size: tuple[int, int], classes: int, sharpness: float, options: Options = ANY
) -> tuple[SemanticMap, torch.Tensor]:
    spec = ModelSpec("m", "m", "NONE", LABELS[: max(classes, 2)], activation="sigmoid" if classes == 1 else "")
    module = Logits(classes, sharpness)
    (found,) = SegmentationEngine(spec, module, RUNTIME).predict([ImageQuery(photo(*size), options)])
    assert isinstance(found, SemanticMap)
    return found, module.last


@pytest.mark.parametrize("sharpness", [1.0, 30.0])
@pytest.mark.parametrize(("classes", "probability"), [(3, softmax), (1, sigmoid)])
@pytest.mark.parametrize("size", [(90, 130), (300, 200), (1, 1), (300, 5), (3, 70_000)])
def test_it_is_that_of_the_winner_stretched_as_torch_does(
    size: tuple[int, int], classes: int, probability: Callable[[torch.Tensor], torch.Tensor], sharpness: float
) -> None:
    found, logits = answer(size, classes, sharpness)
    confidences = found.pixel_confidences()
    assert (confidences.shape, confidences.dtype) == (size, np.uint8)
    shown, (down, across) = pad_slim(photo(*size)).shape[:2], thinning((*size, 3))
    stretched = F.interpolate(probability(logits)[None, None], shown, mode="bilinear", align_corners=False)[0, 0]
    expected = 255 * stretched.numpy().repeat(down, 0).repeat(across, 1)[: size[0], : size[1]]
    assert np.abs(confidences - expected).max() <= 1.5  # rounded at both sizes


def test_what_is_not_reported_keeps_the_probability_of_its_class() -> None:
    every, _ = answer((90, 130), 3, 30.0)
    none, _ = answer((90, 130), 3, 30.0, Options(class_filter=()))
    assert every.class_ids.any() and not none.class_ids.any()
    np.testing.assert_array_equal(every.pixel_confidences(), none.pixel_confidences())


def test_until_it_is_asked_for_it_takes_a_byte_for_each_pixel_of_the_network() -> None:
    found, logits = answer((400, 600), 3, 1.0)
    assert found.winners is not None
    assert (found.winners.small.shape, found.winners.small.dtype) == (logits.shape[1:], np.uint8)
