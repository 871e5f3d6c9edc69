"""Pictures on their way into a network."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from container.engines.tensors import network_input, pad_slim, shrink, thinning, to_tensor

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("full", "small"),
    [
        pytest.param((8, 12), (4, 6), id="half"),
        pytest.param((1080, 1920), (504, 896), id="1080p"),
        pytest.param((301, 77), (10, 3), id="odd-sides"),
        pytest.param((40, 1), (1, 1), id="one-pixel"),
        pytest.param((5, 7), (5, 7), id="same-size"),
    ],
)
def test_shrink_gives_what_interpolate_gives(full: tuple[int, int], small: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*full, 3), dtype=np.uint8)
    expected = functional.interpolate(to_tensor(pixels, CPU)[None], small, mode="bilinear", align_corners=False)[0]
    found = shrink(pixels, small, CPU)
    assert found.shape == expected.shape
    # torch 2.11 computes the weights of some taps less exactly than 2.15, which stays within 2e-6.
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("size", "padded"),
    [
        ((1, 20000), (500, 20000)),
        ((20000, 1), (20000, 500)),
        ((100, 4000), (100, 4000)),
        ((3, 4), (3, 4)),
        ((40_000, 1000), (40_000, 1000)),
        ((40_000, 999), (20_000, 999)),
        ((2, 1_000_000), (807, 32_259)),
        ((50_000_000, 1), (32_766, 820)),
    ],
)
def test_slim_pictures_get_a_black_margin(size: tuple[int, int], padded: tuple[int, int]) -> None:
    found = pad_slim(np.full((*size, 3), 255, np.uint8))
    assert found.shape == (*padded, 3)
    down, across = thinning(size)
    height, width = -(-size[0] // down), -(-size[1] // across)
    assert (found[:height, :width] == 255).all()
    assert found.sum() == 255 * 3 * height * width


@pytest.mark.parametrize("fixed_size", [None, (300, 200)])
@pytest.mark.parametrize("full", [(700, 900), (399, 1300), (90, 60)])
def test_a_detectors_input_is_what_its_transform_makes(
    full: tuple[int, int], fixed_size: tuple[int, int] | None
) -> None:
    transform = GeneralizedRCNNTransform(200, 320, [0.4, 0.5, 0.6], [0.2, 0.3, 0.4], 32, fixed_size).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (*full, 3), np.uint8)
    found, sizes = network_input([pixels], transform, CPU)
    expected, _ = transform([to_tensor(pixels, CPU)])
    assert sizes == [full] and found.image_sizes == expected.image_sizes
    np.testing.assert_allclose(found.tensors, expected.tensors, atol=1e-4)
