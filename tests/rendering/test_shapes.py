"""Boxes, corners, circles, ellipses, dots and triangles: which pixels they colour."""

from collections.abc import Callable

import numpy as np
import pytest

from container.rendering.shapes import draw_box, draw_circle, draw_corners, draw_dot, draw_ellipse, draw_triangle

RED = (255, 0, 0)
BOX = np.array([20, 30, 80, 70], np.float32)
POINT = np.array([50, 50], np.float32)


def drawn(draw: Callable[[np.ndarray], None], size: tuple[int, int] = (100, 120)) -> np.ndarray:
    """Bool H×W: the pixels that are more than half red on black."""
    canvas = np.zeros((*size, 3), np.uint8)
    draw(canvas)
    assert not canvas[..., 1:].any()
    return np.asarray(canvas[..., 0] > 127)


def box_of(pixels: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize(("thickness", "grown"), [(1, 0), (2, 1), (3, 2), (5, 3)])  # OpenCV adds one to 3 and 5
def test_a_box_is_around_its_pixels(thickness: int, grown: int) -> None:
    pixels = drawn(lambda canvas: draw_box(canvas, BOX, RED, thickness))
    assert box_of(pixels) == (20 - grown, 30 - grown, 80 + grown, 70 + grown)
    assert not pixels[30 + thickness : 70 - thickness - 1, 20 + thickness : 80 - thickness - 1].any()
    assert pixels[30, 20] and pixels[69, 79]


@pytest.mark.parametrize(("roundness", "cut"), [(0.0, 0), (0.5, 3), (1.0, 6)])
def test_roundness_takes_corners_off(roundness: float, cut: int) -> None:
    pixels = drawn(lambda canvas: draw_box(canvas, BOX, RED, 1, roundness))
    left, top, right, bottom = box_of(pixels)
    assert (left, top, right, bottom) == (20, 30, 80, 70)
    for corner in (pixels[30:50, 20:40], pixels[30:50, 60:80][:, ::-1], pixels[50:70, 20:40][::-1]):
        assert abs(int(np.flatnonzero(np.diagonal(corner))[0]) - cut) <= 1
    assert pixels[30, 50] and pixels[50, 20] and pixels[69, 50] and pixels[50, 79]


def test_corners_have_arms() -> None:
    pixels = drawn(lambda canvas: draw_corners(canvas, BOX, RED, 1, 10))
    assert np.flatnonzero(pixels[30]).tolist() == [*range(20, 31), *range(69, 80)]
    assert np.flatnonzero(pixels[:, 79]).tolist() == [*range(30, 41), *range(59, 70)]
    assert pixels.sum() == 4 * 21


def test_arms_end_at_the_middle_of_a_side() -> None:
    pixels = drawn(lambda canvas: draw_corners(canvas, BOX, RED, 1, 500))
    assert box_of(pixels) == (20, 30, 80, 70)


def test_a_circle_goes_through_the_corners() -> None:
    box = np.array([40, 30, 80, 60])  # half a diagonal is 25
    pixels = drawn(lambda canvas: draw_circle(canvas, box, RED, 1))
    left, top, right, bottom = box_of(pixels)
    assert (abs(left - 35), abs(right - 86), abs(top - 20), abs(bottom - 71)) <= (1, 1, 1, 1)
    assert pixels[29:32, 39:42].any() and not pixels[40:50, 50:70].any()


def test_an_ellipse_lies_at_the_foot() -> None:
    box = np.array([50, 20, 70, 60])
    pixels = drawn(lambda canvas: draw_ellipse(canvas, box, RED, 1, -45, 235))
    left, top, right, bottom = box_of(pixels)
    assert abs(left - 40) <= 1 and abs(right - 81) <= 1 and abs(bottom - 68) <= 1 and top > 53
    assert not pixels[:57, 58:63].any()  # it is open at the top
    closed = drawn(lambda canvas: draw_ellipse(canvas, box, RED, 1, 0, 360))
    assert closed[52:55, 58:63].any() and closed.sum() > pixels.sum()


@pytest.mark.parametrize(("radius", "outline", "seen"), [(4, 0, 4), (10, 0, 10), (10, 4, 7)])
def test_a_dot_is_round(radius: int, outline: int, seen: int) -> None:
    pixels = drawn(lambda canvas: draw_dot(canvas, POINT, RED, radius, outline))
    assert box_of(pixels) == (50 - seen, 50 - seen, 51 + seen, 51 + seen)
    assert abs(pixels.sum() - np.pi * (seen + 0.5) ** 2) < 0.15 * pixels.sum()


def test_a_triangle_points_down() -> None:
    pixels = drawn(lambda canvas: draw_triangle(canvas, POINT, RED, 20, 30, 0))
    assert box_of(pixels) == (40, 20, 61, 51)
    assert pixels[20, 40:61].all() and pixels[:, 50][20:50].all() and not pixels[45, :45].any()
    outlined = drawn(lambda canvas: draw_triangle(canvas, POINT, RED, 20, 30, 4))
    assert 0 < outlined.sum() < pixels.sum()


SHAPES: list[Callable[[np.ndarray, np.ndarray], None]] = [
    lambda canvas, box: draw_box(canvas, box, RED, 3),
    lambda canvas, box: draw_box(canvas, box, RED, 3, 1.0),
    lambda canvas, box: draw_corners(canvas, box, RED, 3, 9),
    lambda canvas, box: draw_circle(canvas, box, RED, 3),
    lambda canvas, box: draw_ellipse(canvas, box, RED, 3, 0, 90),
    lambda canvas, box: draw_dot(canvas, box[:2], RED, 3, 1),
    lambda canvas, box: draw_triangle(canvas, box[:2], RED, 3, 5, 1),
]
BOXES = [
    (-1e9, -1e9, 1e9, 1e9),
    (-50, -50, -20, -20),
    (500, 500, 900, 900),
    (1e12, 1e12, 2e12, 2e12),
    (50, 50, 50, 50),
    (60, 60, 50, 50),
    (0, 0, 0.4, 0.4),
    (-30, 10, 300, 12),
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("box", BOXES)
def test_any_box_can_be_drawn(shape: Callable[[np.ndarray, np.ndarray], None], box: tuple[float, ...]) -> None:
    for size in ((100, 120), (1, 1), (1, 50)):
        shape(np.zeros((*size, 3), np.uint8), np.array(box, np.float32))


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[2]])
@pytest.mark.parametrize("box", BOXES[:4])
def test_what_is_out_of_sight_is_not_drawn(
    shape: Callable[[np.ndarray, np.ndarray], None], box: tuple[float, ...]
) -> None:
    assert not drawn(lambda canvas: shape(canvas, np.array(box, np.float32))).any()
