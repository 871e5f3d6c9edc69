"""Lines between labels and objects that lie apart, and none between others."""

import numpy as np
import pytest

from container.rendering.leaders import Rectangle, draw_leader

RED = (255, 0, 0)
BOX = (100, 100, 160, 160)
PIXELS = np.array([(140, y) for y in range(110, 150)])
NONE = np.zeros((0, 2), np.int64)


@pytest.mark.parametrize(
    ("chip", "pixels", "boxed", "end"),
    [
        ((100, 80, 160, 100), PIXELS, True, None),  # on the box's edge
        ((100, 80, 160, 100), PIXELS, False, (110, 140)),  # the box is not drawn, and the object is in the middle
        ((100, 95, 160, 115), PIXELS, False, None),  # on the object
        ((100, 20, 160, 40), PIXELS, True, (110, 140)),
        ((100, 20, 160, 40), NONE, True, (100, 130)),
        ((10, 120, 40, 140), NONE, False, (130, 100)),
        ((120, 110, 150, 130), NONE, True, None),
    ],
)
def test_a_line_leads_from_a_chip_that_lies_apart(
    chip: Rectangle, pixels: np.ndarray, boxed: bool, end: tuple[int, int] | None
) -> None:
    canvas = np.zeros((200, 200, 3), np.uint8)
    draw_leader(canvas, chip, BOX, pixels, boxed, RED)
    line = np.argwhere(canvas[..., 0] > 100)
    assert bool(len(line)) == (end is not None)
    if end is not None:
        assert np.hypot(*(line - end).T).min() <= 1
        x, y = np.clip(line[:, 1], chip[0], chip[2]), np.clip(line[:, 0], chip[1], chip[3])
        assert ((line[:, 1] == x) & (line[:, 0] == y)).any()
