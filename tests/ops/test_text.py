"""Where text is, in which order it is read, and what is cut out."""

import numpy as np
import pytest

from container.ops import text

LEVEL = np.array([[0, 0], [60, 0], [60, 20], [0, 20]], np.float32)


def at(x: float, y: float) -> np.ndarray:
    return LEVEL + np.array([x, y], np.float32)


def turned_by(degrees: float, quadrilateral: np.ndarray) -> np.ndarray:
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (quadrilateral @ matrix.T + 500).astype(np.float32)


def probabilities(*boxes: tuple[int, int, int, int], value: float = 0.9) -> np.ndarray:
    found = np.zeros((100, 200), np.float32)
    for left, top, right, bottom in boxes:
        found[top:bottom, left:right] = value
    return found


def test_what_is_found_grows_to_the_height_of_its_letters() -> None:
    (found,) = text.quadrilaterals(probabilities((40, 40, 140, 52)))
    left, top = found[0]
    right, bottom = found[2]
    assert found.tolist() == [[left, top], [right, top], [right, bottom], [left, bottom]]
    grown = 1.6 * 100 * 12 / 112 / 2
    np.testing.assert_allclose([left, top, right, bottom], [40 - grown, 40 - grown, 140 + grown, 52 + grown], atol=1.5)


def test_text_that_runs_downwards_begins_at_its_top_right() -> None:
    (found,) = text.quadrilaterals(probabilities((90, 5, 102, 95)))
    assert found[0, 0] > found[3, 0] and found[0, 1] < found[1, 1]
    width, height = text.size(found)
    assert width > 3 * height


@pytest.mark.parametrize(
    "map_", [probabilities(), probabilities((5, 5, 90, 20), value=0.4), probabilities((5, 5, 90, 6), (7, 9, 8, 10))]
)
def test_what_is_faint_or_thin_is_no_text(map_: np.ndarray) -> None:
    assert text.quadrilaterals(map_) == []


def test_the_beginning_of_a_line() -> None:
    assert text.beginning(LEVEL, 2).tolist() == [[0, 0], [40, 0], [40, 20], [0, 20]]
    assert text.beginning(LEVEL, 4).tolist() == LEVEL.tolist()
    assert text.beginning(np.zeros((4, 2), np.float32), 4).tolist() == [[0, 0]] * 4


@pytest.mark.parametrize("degrees", [0, 20, 90, 180, 200, 270])
def test_lines_run_as_the_text_does(degrees: float) -> None:
    first, second, third = [at(0, 3), at(80, 0)], [at(0, 40)], [at(0, 80), at(70, 82), at(140, 78)]
    shuffled = [third[2], first[1], second[0], third[0], first[0], third[1]]
    lines = text.in_lines([turned_by(degrees, one) for one in shuffled])
    assert lines == [[4, 1], [2], [3, 5, 0]]


def test_nothing_has_no_lines() -> None:
    assert text.in_lines([]) == []


def test_a_piece_is_cut_out_as_its_text_runs() -> None:
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[20:40, 10:40] = 255  # the left half of a piece is white
    level = np.array([[10, 20], [70, 20], [70, 40], [10, 40]], np.float32)
    piece = text.cut(pixels, level, 48, 1000)
    assert piece.shape == (48, 144, 3) and piece[:, :60].min() > 200 and piece[:, 84:].max() < 60
    upside_down = text.cut(pixels, text.turned(level), 48, 1000)
    assert upside_down[:, :60].max() < 60 and upside_down[:, 84:].min() > 200
    assert text.cut(pixels, level, 48, 100).shape == (48, 100, 3)


@pytest.mark.parametrize(
    ("size", "fitted", "scale"),
    [
        ((100, 200), (736, 1472), 7.36),
        ((800, 1000), (800, 1024), 1.0),
        ((4000, 3000), (1600, 1216), 0.4),
        ((10, 2000), (32, 1600), 0.8),
        ((1, 1), (736, 736), 736.0),
        ((5000, 3), (1600, 32), 0.32),
    ],
)
def test_sides_fit_a_network(size: tuple[int, int], fitted: tuple[int, int], scale: float) -> None:
    seen, by = text.fitted(np.zeros((*size, 3), np.uint8), 736, 1600, 32)
    assert (seen.shape[:2], by) == (fitted, pytest.approx(scale))


def test_a_frame_has_the_usual_colour_of_the_edge() -> None:
    pixels = np.full((10, 30, 3), (200, 210, 220), np.uint8)
    pixels[0, :5] = 0
    framed = text.framed(pixels, 3)
    assert framed.shape == (16, 36, 3) and framed[0, 0].tolist() == [200, 210, 220]
    assert (framed[3:-3, 3:-3] == pixels).all()
    assert text.framed(pixels, 0).shape == pixels.shape


@pytest.mark.parametrize(
    ("line", "columns", "words"),
    [
        ("ab c", [2, 4, 6, 8], [(0, 2, 0.15, 0.55), (3, 4, 0.75, 0.95)]),
        (" a  b ", [0, 2, 4, 5, 6, 8], [(1, 2, 0.15, 0.35), (4, 5, 0.55, 0.75)]),
        ("x", [5], [(0, 1, 0.15, 0.95)]),
        ("  ", [1, 2], []),
    ],
)
def test_words_of_a_line(line: str, columns: list[int], words: list[tuple[int, int, float, float]]) -> None:
    assert text.spans(line, columns, 10) == [pytest.approx(word) for word in words]


def test_the_box_of_a_part() -> None:
    assert text.box(LEVEL, 0.25, 0.5) == (15, 0, 30, 20)
    downwards = np.array([[20, 0], [20, 60], [0, 60], [0, 0]], np.float32)
    assert text.box(downwards, 0.25, 0.5) == (0, 15, 20, 30)
