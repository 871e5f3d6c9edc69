"""What the legend says, where it lies, and how much of the picture it takes."""

import numpy as np
import pytest

from container.rendering.legend import Legend
from container.rendering.palette import COLORS
from container.structures import Instances
from tests.rendering.scenes import found

SIZE = (300, 400)
COLOR = list(COLORS)


def crowd(*labels: str) -> Instances:
    """Instances with these names in the picture's left upper corner."""
    n = len(labels)
    boxes = np.tile(np.array([0, 0, 20, 20], np.float32), (n, 1))
    return Instances(SIZE, boxes, np.full(n, 0.9, np.float32), np.arange(n), labels)


def texts(legend: Legend) -> list[str]:
    return [row.chip.text for row in legend._rows]


@pytest.mark.parametrize(
    ("numbered", "labels", "expected"),
    [
        ([], ("a",), []),
        ([0], ("a",), ["1 a 90%"]),
        ([0, 2], ("a", "b", "a"), ["1 a 90%", "3 a 90%"]),
        (range(60), ("a",) * 60, ["a 1–60"]),
        ([0, 2, 3, 4, *range(6, 66)], ("a",) * 4 + ("b", "c") * 31, ["a 1, 3–4", "b 5, 7, 9"]),
    ],
)
def test_rows(numbered: list[int], labels: tuple[str, ...], expected: list[str]) -> None:
    shown = texts(Legend(numbered, crowd(*labels)))
    assert len(shown) >= len(expected)
    assert all(row.startswith(start) for row, start in zip(shown, expected, strict=False))


def test_what_has_no_room_is_counted() -> None:
    names = [f"a rather long name of a class {i}" for i in range(500)]
    legend = Legend(range(500), crowd(*names))
    shown = texts(legend)
    assert shown[-1] == f"+{500 - len(shown) + 1} more"
    assert (legend.box[2:] - legend.box[:2] <= [200, 150]).all()


@pytest.mark.parametrize(
    ("boxes", "right", "lower"),
    [
        ([(0, 0, 20, 20)], False, True),
        ([(0, 200, 100, 300)], True, True),
        ([(0, 200, 400, 300)], False, False),
        ([(0, 200, 400, 300), (0, 0, 100, 100)], True, False),
    ],
)
def test_it_lies_in_the_emptiest_corner(
    boxes: list[tuple[float, float, float, float]], right: bool, lower: bool
) -> None:
    scene = found(SIZE, *boxes, masks=False)
    legend = Legend([0], scene)
    canvas = np.zeros((*SIZE, 3), np.uint8)
    legend.draw(canvas, COLOR)
    rows, columns = np.nonzero(canvas.any(axis=2))
    assert (columns.mean() > 200) == right and (rows.mean() > 150) == lower
    assert [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] == legend.box.tolist()


@pytest.mark.parametrize("size", [(1, 1), (5, 300), (300, 5), (12, 12)])
def test_where_there_is_no_room_there_is_none(size: tuple[int, int]) -> None:
    canvas = np.zeros((*size, 3), np.uint8)
    Legend([0], found(size, (0, 0, 1, 1), masks=False)).draw(canvas, COLOR)
    assert not canvas.any()
