"""Borders of regions in one colour: as wide as asked for, around every part and hole."""

import numpy as np
import pytest

from container.rendering.outlines import draw_border
from container.rendering.regions import Region

RED = (255, 0, 0)


def drawn(crop: np.ndarray, width: int) -> np.ndarray:
    canvas = np.zeros((200, 200, 3), np.uint8)
    draw_border(canvas, Region(0, crop.astype(np.uint8), 50, 40), RED, width)
    assert not canvas[..., 1:].any()
    return np.asarray(canvas[..., 0] > 127)


@pytest.mark.parametrize("width", [1, 2, 5, 20])
def test_a_border_is_as_wide_as_asked_for(width: int) -> None:
    across = np.flatnonzero(drawn(np.ones((100, 100)), width)[90, :100])
    assert 0 <= len(across) - width <= 2 and abs(across.mean() - 50) <= 1


def test_holes_and_parts_have_borders() -> None:
    crop = np.ones((100, 100))
    crop[30:60, 30:60] = 0
    crop[:, 80:90] = 0
    line = drawn(crop, 1)[85]
    edges = np.flatnonzero(line)
    assert [int(np.abs(edges - at).min()) <= 1 for at in (50, 79, 110, 129, 140, 149)] == [True] * 6
    assert not line[90:100].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 2)])
def test_the_smallest_regions_are_seen(shape: tuple[int, int]) -> None:
    assert drawn(np.ones(shape), 2).any()
