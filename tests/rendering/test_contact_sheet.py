"""Pictures side by side."""

import numpy as np
import pytest

from container.rendering.contact_sheet import CAPTION, MARGIN, contact_sheet

RED, WHITE = [200, 0, 0], [255, 255, 255]


def plain(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), RED, np.uint8)


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 3), (7, 3, 3)])
def test_rows_of_columns(count: int, rows: int, columns: int) -> None:
    sheet = contact_sheet([plain(30, 40)] * count, ["a"] * count, 3, (30, 40))
    assert sheet.shape == (rows * (30 + CAPTION + MARGIN) + MARGIN, columns * (40 + MARGIN) + MARGIN, 3)
    assert (sheet[MARGIN : MARGIN + 30, MARGIN : MARGIN + 40] == RED).all()


@pytest.mark.parametrize(
    ("size", "shown"),
    [((40, 40), (40, 40)), ((400, 400), (40, 40)), ((10, 10), (40, 40)), ((100, 200), (20, 40)), ((999, 1), (40, 1))],
)
def test_pictures_fit_their_cells_and_lie_in_the_middle(size: tuple[int, int], shown: tuple[int, int]) -> None:
    sheet = contact_sheet([plain(*size)], [""], 1, (40, 40))
    rows, columns = np.nonzero((sheet == RED).all(axis=2))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == shown
    assert abs(rows.min() + rows.max() - 2 * MARGIN - 39) <= 1
    assert abs(columns.min() + columns.max() - 2 * MARGIN - 39) <= 1


@pytest.mark.parametrize(("caption", "written"), [("", False), ("two.jpg", True), ("long " * 40, True)])
def test_captions_stand_below(caption: str, written: bool) -> None:
    sheet = contact_sheet([plain(30, 90)], [caption], 1, (30, 90))
    assert (sheet[MARGIN + 30 :] < 100).any() == written
    assert (sheet[MARGIN : MARGIN + 30, MARGIN : MARGIN + 90] == RED).all()
    assert (sheet[:, :MARGIN] == WHITE).all() and (sheet[:, -MARGIN:] == WHITE).all()
