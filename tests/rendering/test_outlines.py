"""Borders of regions: as wide as asked for, or as the region allows; around parts and holes."""

from collections.abc import Callable

import numpy as np
import pytest

from container.rendering.outlines import draw_border, draw_outline, draw_wide_outline
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


def outlined(crop: np.ndarray, width: int) -> np.ndarray:
    """Bool 200×200: the pixels of an outline around a region at (50, 40)."""
    canvas = np.zeros((200, 200, 3), np.uint8)
    draw_outline(canvas, Region(0, crop.astype(np.uint8), 50, 40), RED, width)
    return np.asarray(canvas[..., 0] > 80)


@pytest.mark.parametrize(("hole", "drawn"), [(1, False), (3, False), (4, True), (30, True)])
@pytest.mark.parametrize("draw", [draw_outline, draw_wide_outline])
def test_holes_under_a_thousandth_have_no_line(draw: Callable[..., None], hole: int, drawn: bool) -> None:
    crop = np.ones((100, 100), np.uint8)
    crop[50 : 50 + hole, 50 : 50 + hole] = 0  # of 10,000 pixels, 10 are a thousandth
    canvas = np.zeros((200, 200, 3), np.uint8)
    draw(canvas, Region(0, crop, 50, 40), RED, 3)
    assert canvas[80 : 100 + hole, 90 : 110 + hole].any() == drawn


@pytest.mark.parametrize("width", [3, 5, 11])
@pytest.mark.parametrize("shape", [(100, 100), (100, 12), (8, 100), (100, 4), (60, 60)])
def test_a_line_is_thinner_on_a_thin_region(shape: tuple[int, int], width: int) -> None:
    line = outlined(np.ones(shape), width)
    inside = line[40 : 40 + shape[0], 50 : 50 + shape[1]]
    assert line.any() and inside.mean() <= max(0.45, 3 / min(shape))  # smoothed edges are counted whole


@pytest.mark.parametrize("shape", [(39, 39), (10, 30), (4, 4), (1, 1), (39, 1)])
@pytest.mark.parametrize("x", [-3, 0, 80, 180])
def test_around_a_small_region_it_lies_outside(shape: tuple[int, int], x: int) -> None:
    canvas = np.zeros((200, 200, 3), np.uint8)
    crop = np.ones(shape, np.uint8)
    left = max(x, 0)
    crop = crop[:, : 200 - left]
    draw_outline(canvas, Region(0, crop, left, 0), RED, 11)
    where = np.zeros((200, 200), bool)
    where[: crop.shape[0], left : left + crop.shape[1]] = True
    assert not canvas[where].any() and canvas.any()
    assert set(np.unique(canvas)) == {0, 255} and not canvas[..., 1:].any()
