"""Pieces of a picture on a sheet: what was found, in order, and no more than there is room for."""

import numpy as np
import pytest

from container.rendering import draw
from container.rendering.contact_sheet import CAPTION, MARGIN
from container.rendering.crops import CELL, MOST
from container.structures import Appearance
from tests.rendering.scenes import found, photo

CROPS = Appearance(render="crops")
SIZE = (200, 300)


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (4, 2, 2), (5, 2, 3)])
def test_a_piece_for_each_instance(count: int, rows: int, columns: int) -> None:
    boxes = [(10 + 40 * i, 20, 40 + 40 * i, 140) for i in range(count)]
    sheet = draw(photo(*SIZE), found(SIZE, *boxes), CROPS)
    side = 132  # 120 and a twentieth on both sides
    assert sheet.shape[:2] == (rows * (side + CAPTION + MARGIN) + MARGIN, columns * (side + MARGIN) + MARGIN)


def test_it_is_what_lies_in_the_box_and_around_it() -> None:
    pixels = photo(*SIZE)
    sheet = draw(pixels, found(SIZE, (100, 40, 140, 160)), CROPS)
    piece = pixels[34:166, 98:142]
    left = MARGIN + (132 - 44) // 2
    np.testing.assert_array_equal(sheet[MARGIN : MARGIN + 132, left : left + 44], piece)
    assert (sheet[MARGIN + 132 :] < 100).any()  # its caption


def test_large_pieces_shrink() -> None:
    size = (2000, 3000)
    sheet = draw(photo(*size), found(size, (0, 0, 3000, 2000), (10, 10, 30, 30)), CROPS)
    assert sheet.shape[:2] == (CELL + CAPTION + 2 * MARGIN, 2 * CELL + 3 * MARGIN)


@pytest.mark.parametrize("boxes", [[], [(400, 400, 500, 500)], [(5, 5, 5, 5)]])
def test_without_pixels_there_is_a_sheet_with_words(boxes: list[tuple[float, float, float, float]]) -> None:
    sheet = draw(photo(*SIZE), found(SIZE, *boxes, masks=False), CROPS)
    assert (sheet < 100).any() and (sheet == 255).mean() > 0.8


def test_of_very_many_some_are_shown() -> None:
    n = 10 * MOST
    scene = found(SIZE, *[(0, 0, 300, 200)] * n, masks=False, labels=("a",) * n)
    sheet = draw(photo(*SIZE), scene, CROPS)
    assert max(sheet.shape) < 15 * (CELL + CAPTION)
