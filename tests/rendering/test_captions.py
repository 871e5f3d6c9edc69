"""Captions of instances: at the point that is asked for, in sight, and not on each other."""

import numpy as np
import pytest

from container.rendering.anchors import anchor_points
from container.rendering.captions import draw_captions
from container.rendering.text import Style, fit
from container.structures import Instances
from tests.rendering.scenes import found

RED, BLUE = (255, 0, 0), (0, 0, 255)
STYLE = Style(padding=4, radius=0, letters=(255, 255, 255))
SIZE = (200, 300)


def drawn(scene: Instances, captions: list[str], position: str = "TOP_LEFT", font_size: int = 20) -> np.ndarray:
    canvas = np.zeros((*SIZE, 3), np.uint8)
    points = anchor_points(scene, position)
    draw_captions(canvas, scene, captions, [RED, BLUE, RED, BLUE][: len(scene)], points, position, font_size, STYLE)
    return canvas


def box_of(canvas: np.ndarray, channel: int = 0) -> tuple[int, int, int, int]:
    rows, columns = (np.flatnonzero((canvas[..., channel] > 0).any(axis=axis)) for axis in (1, 0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


@pytest.mark.parametrize(
    ("position", "left", "top"),
    [
        ("TOP_LEFT", 100, 58),
        ("BOTTOM_LEFT", 100, 120),
        ("TOP_RIGHT", 200 - 42, 58),
        ("CENTER_RIGHT", 200, 89),
        ("CENTER", 150 - 21, 89),
    ],
)
def test_a_caption_is_where_it_is_asked_for(position: str, left: int, top: int) -> None:
    chip = fit("cat", 20, SIZE, STYLE)
    assert chip is not None and (chip.height, chip.width) == (22, 42)  # 14 for capitals
    shown = box_of(drawn(found(SIZE, (100, 80, 200, 120), masks=False), ["cat"], position))
    assert shown == (left, top, left + 42, top + 22)


def test_a_caption_of_a_box_at_the_top_is_moved_into_the_picture() -> None:
    assert box_of(drawn(found(SIZE, (100, 3, 200, 90), masks=False), ["cat"]))[:2] == (100, 0)


@pytest.mark.parametrize("box", [(-50, 10, -1, 60), (301, 10, 350, 60), (10, -50, 60, -1), (10, 201, 60, 250)])
def test_what_is_out_of_sight_has_none(box: tuple[float, float, float, float]) -> None:
    assert not drawn(found(SIZE, box, masks=False), ["cat"]).any()


def test_the_better_one_stays_and_the_other_moves_aside() -> None:
    box = (100.0, 80.0, 200.0, 120.0)
    canvas = drawn(found(SIZE, box, box, masks=False), ["cat", "dog"])
    first, second = ((canvas == color).all(axis=2, keepdims=True) for color in (RED, BLUE))
    assert box_of(first)[1] == 58 and box_of(second)[3] <= 58


def test_long_ones_shrink_and_empty_ones_are_left_out() -> None:
    canvas = drawn(found(SIZE, (10, 80, 20, 90), (100, 100, 110, 110), masks=False), ["x" * 500, ""], font_size=80)
    left, _, right, _ = box_of(canvas)
    assert left >= 0 and right <= 300 and not (canvas == BLUE).all(axis=2).any()
