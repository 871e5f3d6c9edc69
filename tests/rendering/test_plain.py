"""Masks and cutouts hold nothing but their pixels."""

import numpy as np
import pytest

from container.rendering import draw, palette
from container.structures import Appearance, Classification, Prediction, SemanticMap
from tests.rendering.scenes import found, photo

SIZE = (4, 6)
MAP = SemanticMap(np.array([[0, 0, 1, 1, 2, 2]] * 4, np.uint8), {1: 0.9, 2: 0.8}, ("background", "a", "b"))
WHOLE = Classification(SIZE, np.array([0.8, 0.1], np.float32), np.array([5, 6]), ("a", "b"))

# For each pixel of a row the class that is found there, 0 for none.
CASES: list[tuple[str, Prediction, int, list[int]]] = [
    ("nothing", found(SIZE), 0, [0, 0, 0, 0, 0, 0]),
    ("a mask", found(SIZE, (1, 0, 3, 4)), 0, [0, 1, 1, 0, 0, 0]),
    ("below a mask", found(SIZE, (1, 0, 3, 2)), 3, [0, 0, 0, 0, 0, 0]),
    ("the smaller on top", found(SIZE, (1, 0, 3, 4), (0, 0, 6, 4)), 0, [2, 1, 1, 2, 2, 2]),
    ("a box", found(SIZE, (3.4, -2, 9, 9), masks=False), 1, [0, 0, 0, 1, 1, 1]),
    ("a box outside", found(SIZE, (7, 7, 9, 9), masks=False), 1, [0, 0, 0, 0, 0, 0]),
    ("a map", MAP, 2, [0, 0, 1, 1, 2, 2]),
]


@pytest.mark.parametrize(("prediction", "row", "classes"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_mask_has_class_colors_on_black(prediction: Prediction, row: int, classes: list[int]) -> None:
    drawn = draw(photo(*SIZE), prediction, Appearance(render="mask"))
    assert drawn[row].tolist() == [list(palette.color(c)) if c else [0, 0, 0] for c in classes]


@pytest.mark.parametrize(("prediction", "row", "classes"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_cutout_has_the_found_pixels_and_no_others(prediction: Prediction, row: int, classes: list[int]) -> None:
    pixels = photo(*SIZE)
    drawn = draw(pixels, prediction, Appearance(render="cutout"))
    expected = [[*pixel, 255] if c else [0, 0, 0, 0] for pixel, c in zip(pixels[row].tolist(), classes, strict=True)]
    assert drawn[row].tolist() == expected


def test_a_classified_picture_is_found_as_a_whole() -> None:
    pixels = photo(*SIZE)
    assert (draw(pixels, WHOLE, Appearance(render="cutout"))[..., 3] == 255).all()
    np.testing.assert_array_equal(draw(pixels, WHOLE, Appearance(render="cutout"))[..., :3], pixels)
