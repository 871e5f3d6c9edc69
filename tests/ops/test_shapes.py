"""Rectangles and polygons around outlines, in hand-computed cases."""

import math

import cv2
import numpy as np
import pytest

from container.ops.overlap import intersection, union
from container.ops.polygons import outline
from container.ops.shapes import filled_part, fitted, scaled, sides, simplified, smallest_rectangle

SQUARE = np.array([[10, 10], [20, 10], [20, 30], [10, 30]], np.int32)
DIAMOND = np.array([[20, 10], [30, 20], [20, 30], [10, 20]], np.int32)


def drawn(polygon: np.ndarray) -> np.ndarray:
    """Return the outline of a filled polygon, as a mask has it."""
    return outline(*filled_part(polygon, (60, 80)))


@pytest.mark.parametrize(
    ("points", "corners", "lengths"),
    [
        (SQUARE, {(10, 10), (20, 10), (20, 30), (10, 30)}, {10, 20}),
        (DIAMOND, {(20, 10), (30, 20), (20, 30), (10, 20)}, {math.sqrt(200)}),
        (np.array([[5, 5], [25, 5], [25, 5]], np.int32), {(5, 5), (25, 5)}, {0, 20}),
    ],
)
def test_the_smallest_rectangle(points: np.ndarray, corners: set[tuple[int, int]], lengths: set[float]) -> None:
    found = smallest_rectangle(points)
    assert {(round(x), round(y)) for x, y in found.corners.tolist()} == corners
    assert sorted({round(side, 3) for side in (found.width, found.height)}) == pytest.approx(sorted(lengths), abs=1e-3)
    assert 0 < found.angle <= 90


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (SQUARE, (10, 20)),
        (np.array([[0, 0], [40, 10], [38, 18], [-2, 8]], np.int32), (math.hypot(40, 10), math.hypot(2, 8))),
        (np.array([[0, 0], [10, 40], [2, 42], [-8, 2]], np.int32), (math.hypot(8, 2), math.hypot(10, 40))),
        (np.array([[5, 5], [25, 5], [25, 5]], np.int32), None),
        (np.zeros((0, 2), np.int32), None),
    ],
)
def test_the_more_level_side_is_the_width(points: np.ndarray, expected: tuple[float, float] | None) -> None:
    found = sides(points)
    assert found is None if expected is None else found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("polygon", [SQUARE, DIAMOND, DIAMOND - 18, DIAMOND + 45, DIAMOND * 4 - 50, DIAMOND + 500])
def test_a_polygon_is_filled_as_in_the_whole_picture(polygon: np.ndarray) -> None:
    whole = np.zeros((60, 80), np.uint8)
    cv2.fillPoly(whole, [polygon], [1])
    part, x, y = filled_part(polygon, (60, 80))
    full = np.zeros((60, 80), bool)
    full[y : y + part.shape[0], x : x + part.shape[1]] = part
    np.testing.assert_array_equal(full, whole.astype(bool))


@pytest.mark.parametrize("count", [3, 4, 5, 6])
def test_a_drop_gets_the_number_of_corners_that_was_asked_for(count: int) -> None:
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    reach = 12 + 3 * angles
    drop = np.rint(np.stack([40 + reach * np.cos(angles), 30 + reach * np.sin(angles)], axis=1)).astype(np.int32)
    polygon = simplified(drop, count)
    assert len(polygon) == count
    assert {tuple(point) for point in polygon.tolist()} <= {tuple(point) for point in drop.tolist()}


def test_where_no_polygon_has_so_many_corners_it_has_about_as_many() -> None:
    assert len(simplified(SQUARE, 7)) == 4


@pytest.mark.parametrize("polygon", [SQUARE, DIAMOND])
def test_what_is_a_polygon_already_stays_one(polygon: np.ndarray) -> None:
    corners = {tuple(point) for point in polygon.tolist()}
    found = simplified(drawn(polygon), 4)
    assert {tuple(point) for point in found.tolist()} == corners
    assert {tuple(point) for point in fitted(found, drawn(polygon), 1.0).tolist()} == corners


@pytest.mark.parametrize("fraction", [0.0, 0.5, 1.0])
def test_a_side_with_a_dent_is_fitted_into_its_points(fraction: float) -> None:
    along = [[x, 10 if x % 2 else 12] for x in range(10, 51)]  # between 10 and 12, on the mean 11
    points = np.array([*along, [50, 40], [10, 40]], np.int32)
    found = fitted(np.array([[10, 12], [50, 12], [50, 40], [10, 40]], np.int32), points, fraction)
    assert found[:, 1].tolist()[2:] == [40, 40]
    assert all(abs(y - 11) <= 1 for y in found[:2, 1])


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(1, SQUARE.tolist()), (2, [[5, 0], [25, 0], [25, 40], [5, 40]]), (0.5, [[12, 15], [18, 15], [18, 25], [12, 25]])],
)
def test_a_polygon_grows_around_its_centre(ratio: float, expected: list[list[int]]) -> None:
    assert scaled(SQUARE, ratio).tolist() == expected
    assert scaled(SQUARE[[0, 1, 1]], ratio).tolist() == SQUARE[[0, 1, 1]].tolist()


def test_unions_and_intersections_of_bitmaps() -> None:
    one, other, far = (np.ones((4, 6), bool), 2, 3), (np.ones((2, 9), bool), 5, 1), (np.ones((1, 1), bool), 30, 30)
    whole, x, y = union([one, other])
    assert (whole.shape, x, y, whole.sum()) == ((6, 12), 2, 1, 24 + 18)
    assert intersection([one, other])[0].sum() == 0
    common, x, y = intersection([one, (np.ones((9, 9), bool), 4, 0)])
    assert (common.shape, x, y) == ((4, 4), 4, 3)
    assert intersection([one, far, other])[0].size == 0
