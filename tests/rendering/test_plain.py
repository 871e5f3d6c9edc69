"""Masks and cutouts hold nothing but their pixels."""

import numpy as np
import pytest

from container.errors import BadRequest
from container.rendering import draw, palette
from container.structures import Appearance, Classification, Prediction, Render, SemanticMap
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


@pytest.mark.parametrize(("prediction", "row", "classes"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_ids_are_numbers_in_order_or_classes_of_a_map(prediction: Prediction, row: int, classes: list[int]) -> None:
    drawn = draw(photo(*SIZE), prediction, Appearance(render="ids"))
    assert drawn.dtype == np.uint16 and drawn.shape == SIZE
    assert drawn[row].tolist() == classes  # the scenes' classes count from 1, too


def test_ids_of_a_map_leave_out_classes_that_are_not_reported() -> None:
    wide = SemanticMap(np.array([[0, 300, 301]], np.uint16), {300: 0.9}, ("x",) * 302)
    assert draw(photo(1, 3), wide, Appearance(render="ids")).tolist() == [[0, 300, 0]]


@pytest.mark.parametrize("count", [65_535, 65_536])
def test_sixteen_bits_number_so_many(count: int) -> None:
    scene = found(SIZE, *[(0, 0, 0, 0)] * (count - 1), (1, 1, 2, 2), masks=False, labels=("a",) * count)
    if count > 65_535:
        with pytest.raises(BadRequest, match="16 bits for 65536 instances; ask for at most 65535"):
            draw(photo(*SIZE), scene, Appearance(render="ids"))
    else:
        assert draw(photo(*SIZE), scene, Appearance(render="ids")).max() == count


def test_a_mask_by_instance_has_a_color_each() -> None:
    scene = found(SIZE, (0, 0, 2, 4), (2, 0, 4, 4), (4, 0, 6, 4), classes=(7, 7, 7))
    drawn = draw(photo(*SIZE), scene, Appearance(render="mask", colors="instance"))
    assert drawn[0, ::2].tolist() == [list(color) for color in palette.COLORS[:3]]


@pytest.mark.parametrize("render", ["ids", "blur", "pixelate", "crops"])
def test_a_classification_has_no_parts(render: Render) -> None:
    with pytest.raises(BadRequest, match=f"render is '{render}', and this model classifies whole pictures"):
        draw(photo(*SIZE), WHOLE, Appearance(render=render))


def test_a_classified_picture_is_found_as_a_whole() -> None:
    pixels = photo(*SIZE)
    assert (draw(pixels, WHOLE, Appearance(render="cutout"))[..., 3] == 255).all()
    np.testing.assert_array_equal(draw(pixels, WHOLE, Appearance(render="cutout"))[..., :3], pixels)
