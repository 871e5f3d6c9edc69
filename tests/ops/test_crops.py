"""Parts of a picture against what is drawn in it, and against OpenCV's own steps."""

import cv2
import numpy as np
import pytest
import skimage.data

from container.ops import crops

PHOTO = skimage.data.astronaut()


@pytest.mark.parametrize("size", [(48, 48), (384, 672), (600, 700), (3, 500)])
def test_a_picture_at_another_size(size: tuple[int, int]) -> None:
    found = crops.scaled(PHOTO, size)
    assert (found.shape, found.dtype) == ((*size, 3), np.uint8)
    assert np.abs(found.mean((0, 1)) - PHOTO.mean((0, 1))).max() < 1


def test_a_picture_of_its_own_size_stays() -> None:
    assert (crops.scaled(PHOTO, PHOTO.shape[:2]) == PHOTO).all()
    assert (crops.square(PHOTO, (256, 256), 512, 512) == PHOTO).all()


def test_a_square_is_cut_where_it_is_asked_for() -> None:
    assert (crops.square(PHOTO, (220, 120), 100, 100) == PHOTO[70:170, 170:270]).all()
    half = cv2.resize(PHOTO[70:170, 170:270], (50, 50), interpolation=cv2.INTER_AREA)
    assert np.abs(crops.square(PHOTO, (220, 120), 100, 50).astype(int) - half).mean() < 6


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_it_is_turned_counterclockwise(turns: int) -> None:
    turned = crops.square(PHOTO, (220, 120), 100, 100, 90 * turns)
    assert np.abs(turned.astype(int) - np.rot90(PHOTO[70:170, 170:270], turns)).max() <= 1


def test_a_mirrored_square_is_that_of_the_mirrored_picture() -> None:
    one = crops.square(PHOTO, (220.3, 120.8), 90.5, 60, 17)
    other = crops.square(PHOTO[:, ::-1], (512 - 220.3, 120.8), 90.5, 60, -17)[:, ::-1]
    assert np.abs(one.astype(int) - other).mean() < 0.5


@pytest.mark.parametrize("centre", [(0, 0), (512, 512), (-300, 256), (1e4, -1e4)])
def test_the_edge_goes_on_outside(centre: tuple[float, float]) -> None:
    left, top = (int(np.clip(one, 0, 511)) for one in centre)
    found = crops.square(PHOTO, centre, 40, 60)
    assert found.shape == (60, 60, 3)
    if not -20 < centre[0] < 532:
        assert (found == found[:, :1]).all()
    else:
        corner = found[0, 0] if (left, top) == (0, 0) else found[-1, -1]
        assert (corner == PHOTO[top, left]).all()
