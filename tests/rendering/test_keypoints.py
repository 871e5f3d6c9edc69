"""Dots and the skeleton."""

import numpy as np
import pytest

from container.rendering.marks import SKELETON, draw_keypoints

RED = (255, 0, 0)


def drawn(points: list[tuple[float, float, float]]) -> np.ndarray:
    canvas = np.zeros((40, 60, 3), np.uint8)
    draw_keypoints(canvas, np.array(points, np.float32), RED, 1)
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


def test_the_skeleton_joins_every_keypoint() -> None:
    assert {point for pair in SKELETON for point in pair} == set(range(17))
    assert len({frozenset(pair) for pair in SKELETON}) == 19
