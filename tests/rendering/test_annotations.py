"""Dots, the skeleton and dashed boxes."""

import numpy as np
import pytest

from container.rendering import annotations
from container.rendering.annotations import draw_dashed, draw_keypoints

RED = (255, 0, 0)


def drawn(points: list[tuple[float, float, float]]) -> np.ndarray:
    canvas = np.zeros((40, 60, 3), np.uint8)
    draw_keypoints(canvas, np.array(points, np.float32), RED, 2, 2)
    return canvas


@pytest.mark.parametrize(
    ("point", "shown"),
    [
        ((20, 10, 0.9), True),
        ((20, 10, 0.3001), True),
        ((20, 10, 0.1), False),
        ((-1, 10, 0.9), False),
        ((60, 10, 0.9), False),
        ((1e12, 10, 0.9), False),
        ((np.nan, 10, 0.9), False),
        ((20, 10, np.nan), False),
    ],
)
def test_sure_points_in_the_picture_are_dots(point: tuple[float, float, float], shown: bool) -> None:
    canvas = drawn([point])
    assert canvas.any() == shown
    assert (canvas[10, 20] == RED).all() == shown


def test_a_body_of_17_points_has_lines() -> None:
    elbow, wrist = 7, 9
    points = [(0.0, 0.0, 0.0)] * 17
    points[elbow], points[wrist] = (10, 20, 1), (50, 20, 1)
    assert (drawn(points)[20, 10:51] == RED).any(axis=1).all()
    assert (drawn(points)[20, 30] == RED).all()
    assert not drawn(points[:16])[20, 30].any()
    points[wrist] = (50, 20, 0.1)
    assert not drawn(points)[20, 30].any()


def test_a_dashed_box_is_red_and_white_along_its_box_only() -> None:
    canvas = np.full((60, 80, 3), 90, np.uint8)
    draw_dashed(canvas, np.array([[10.2, 5, 60, 50]]))
    colors = {tuple(pixel) for pixel in canvas.reshape(-1, 3).tolist()}
    assert colors == {annotations.RED, (255, 255, 255), (90, 90, 90)}
    assert {tuple(pixel) for pixel in canvas[5, 10:60].tolist()} == {annotations.RED, (255, 255, 255)}
    assert (canvas[9:46, 14:56] == 90).all() and (canvas[:, 64:] == 90).all()


def test_no_boxes_change_nothing() -> None:
    canvas = np.full((60, 80, 3), 90, np.uint8)
    draw_dashed(canvas, np.zeros((0, 4)))
    assert (canvas == 90).all()
