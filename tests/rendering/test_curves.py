"""Precision over recall, drawn."""

import numpy as np
import pytest

from container.rendering.curves import NAMED, Curve, precision_recall

BLUE, BLACK = (0, 114, 178), (0, 0, 0)
LEFT, TOP, SIDE = 80, 90, 720  # of the plot


def curve(name: str, height: float, reached: float = 1.0) -> Curve:
    recall = np.linspace(0, 1, 101)
    return Curve(name, 7, np.where(recall <= reached, height, 0.0))


def drawn(*curves: Curve) -> np.ndarray:
    return precision_recall("Precision over recall", "a run", curves, "AP50")


def where(picture: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    """Rows and columns, within the plot, of what has a colour."""
    plot = picture[TOP : TOP + SIDE + 1, LEFT : LEFT + SIDE + 1]
    return np.argwhere((plot == color).all(axis=2))


def test_a_curve_lies_where_its_numbers_are() -> None:
    rows, columns = where(drawn(curve("cat", 0.75, 0.5), curve("dog", 0.25)), BLUE).T
    level = columns < 300
    assert abs(rows[level] - 0.25 * SIDE).max() <= 2 and columns.max() == pytest.approx(SIDE / 2, abs=2)
    assert rows.max() > 0.95 * SIDE  # it falls to 0 where no more is found


def test_the_mean_is_black() -> None:
    rows, _ = where(drawn(curve("cat", 0.75), curve("dog", 0.25)), BLACK).T
    assert np.median(rows) == pytest.approx(SIDE / 2, abs=2)


def test_of_many_classes_the_last_are_grey() -> None:
    several = [curve(f"class {i}", ((i + 1) / 40) ** 1.5) for i in range(NAMED + 3)]
    picture = drawn(*several)
    for i, one in enumerate(several):
        row, column = round(TOP + SIDE * (1 - one.precision[0])), LEFT + 29  # in a dash, and beside the grid
        color = picture[row, column].astype(int)
        assert color.min() < 225 and (np.ptp(color) == 0) == (i >= NAMED)


def test_names_of_any_script_and_length_are_written() -> None:
    long = curve("ein sehr langer Name " * 50, 0.5)
    picture = drawn(curve("马", 0.5), long, curve("", 0.5), curve("$x_{1}$", 0.0))
    legend = picture[:, LEFT + SIDE + 24 :]
    assert (legend < 128).any() and (picture[:, -14:] == 255).all()
