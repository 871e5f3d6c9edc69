"""Grey and contrast against scikit-image and OpenCV."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import skimage.data
from skimage.exposure import rescale_intensity

from container.ops import contrast

PHOTOS = {
    "photo": skimage.data.coffee()[:200, :300],
    "flat": np.full((20, 30, 3), 90, np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (37, 61, 3), dtype=np.uint8),
    "dull": (skimage.data.astronaut()[:100, :100] // 8 + 100).astype(np.uint8),
    "one pixel": np.array([[[3, 200, 90]]], np.uint8),
    "one row": np.random.default_rng(1).integers(0, 256, (1, 300, 3), dtype=np.uint8),
    "a part": skimage.data.coffee()[13:113, 7:207],
}
EACH = pytest.mark.parametrize("name", PHOTOS)


@EACH
def test_stretching_is_that_of_scikit_image(name: str) -> None:
    pixels = PHOTOS[name]
    low, high = np.percentile(pixels, (2, 98))
    expected = rescale_intensity(pixels, in_range=(low, high))
    assert np.abs(contrast.stretched(pixels).astype(int) - expected).max() <= 1


def test_stretching_uses_the_whole_range() -> None:
    found = contrast.stretched(PHOTOS["dull"])
    assert (found.min(), found.max()) == (0, 255) and PHOTOS["dull"].max() < 140


@EACH
def test_equalising_and_grey_are_those_of_opencv(name: str) -> None:
    grey = cv2.cvtColor(PHOTOS[name], cv2.COLOR_RGB2GRAY)
    for found, values in ((contrast.grey, grey), (contrast.equalized, cv2.equalizeHist(grey))):
        np.testing.assert_array_equal(found(PHOTOS[name]), np.repeat(values[..., None], 3, axis=2))


def test_the_adaptive_one_brings_out_what_is_dark() -> None:
    dark = PHOTOS["dull"] - 90
    assert contrast.adaptively_equalized(dark).std() > 2 * contrast.grey(dark).std()


@EACH
@pytest.mark.parametrize(
    "function", [contrast.stretched, contrast.equalized, contrast.adaptively_equalized, contrast.grey]
)
def test_every_image_keeps_its_size_and_is_not_written_to(
    name: str, function: Callable[[np.ndarray], np.ndarray]
) -> None:
    pixels = PHOTOS[name].copy()
    pixels.setflags(write=False)
    found = function(pixels)
    assert (found.shape, found.dtype) == (pixels.shape, np.uint8)
