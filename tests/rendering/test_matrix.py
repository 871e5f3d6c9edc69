"""Confusion matrices, drawn."""

import numpy as np
import pytest

from container.rendering.matrix import OTHERS, SHOWN, confusion_matrix


def drawn(names: list[str], counts: np.ndarray) -> np.ndarray:
    return confusion_matrix("Boxes at IoU 0.50", "a run", names, counts)


def test_a_cell_is_the_darker_the_greater_its_share_of_its_row_is() -> None:
    counts = np.array([[8, 2, 0], [0, 0, 10], [1, 0, 0]])
    picture = drawn(["cat", "dog", "(none)"], counts)
    cell = 84
    left = np.flatnonzero((picture == 150).all(axis=2).sum(axis=0) > cell)[0]
    corner = picture.shape[0] - 30 - 3 * cell, left
    shades = np.array(
        [[picture[corner[0] + i * cell + 8, corner[1] + j * cell + 8, 0] for j in range(3)] for i in range(3)]
    ).astype(int)
    assert (shades[counts == 0] == 255).all() and shades[0, 0] < shades[0, 1] < 255
    assert shades[1, 2] == shades[2, 0] == shades.min()


def test_of_many_classes_the_last_are_added_up() -> None:
    size = SHOWN + 4
    counts = np.arange(size * size).reshape(size, size)
    names = [f"class {i}" for i in range(size - 1)]
    whole = np.zeros((SHOWN + 2, SHOWN + 2), np.int64)
    parts = [[i] for i in range(SHOWN)] + [[SHOWN, SHOWN + 1, SHOWN + 2], [SHOWN + 3]]
    for i, rows in enumerate(parts):
        for j, columns in enumerate(parts):
            whole[i, j] = counts[np.ix_(rows, columns)].sum()
    assert whole.sum() == counts.sum()
    assert np.array_equal(drawn([*names, "(none)"], counts), drawn([*names[:SHOWN], OTHERS, "(none)"], whole))


@pytest.mark.parametrize("count", [1, 999, 9_999, 123_456, 98_765_432])
@pytest.mark.parametrize("classes", [1, SHOWN])
def test_numbers_fit_their_cells(classes: int, count: int) -> None:
    counts = np.diag([*[count] * classes, 0])
    picture = drawn([*(f"class {i}" for i in range(classes)), "(none)"], counts)
    white = (picture == 255).all(axis=2)
    assert 0.2 < white.mean() < 1  # and nothing is raised


def test_long_names_are_cut() -> None:
    assert drawn(["ein sehr langer Name " * 9, "(none)"], np.eye(2, dtype=int)).shape[1] < 700
