"""Dashed boxes."""

import numpy as np

from container.rendering.marks import RED, draw_dashed


def test_a_dashed_box_is_red_and_white_along_its_box_only() -> None:
    canvas = np.full((60, 80, 3), 90, np.uint8)
    draw_dashed(canvas, np.array([[10.2, 5, 60, 50]]))
    colors = {tuple(pixel) for pixel in canvas.reshape(-1, 3).tolist()}
    assert colors == {RED, (255, 255, 255), (90, 90, 90)}
    assert {tuple(pixel) for pixel in canvas[5, 10:60].tolist()} == {RED, (255, 255, 255)}
    assert (canvas[9:46, 14:56] == 90).all() and (canvas[:, 64:] == 90).all()


def test_no_boxes_change_nothing() -> None:
    canvas = np.full((60, 80, 3), 90, np.uint8)
    draw_dashed(canvas, np.zeros((0, 4)))
    assert (canvas == 90).all()
