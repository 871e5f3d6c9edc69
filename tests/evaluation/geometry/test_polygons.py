"""IoU of polygons: closed forms by hand, and a raster of 64 points a unit; the library that does it is not asked."""

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from container.evaluation.geometry import TooManyPairs, areas, polygon_overlaps

Ring = Sequence[tuple[float, float]]
SQUARE = [(0, 0), (4, 0), (4, 4), (0, 4)]
LETTER_L = [(0, 0), (4, 0), (4, 1), (1, 1), (1, 4), (0, 4)]  # area 7
BOW_TIE = [(0, 0), (4, 4), (4, 0), (0, 4)]  # two triangles of 4
STAR = [(0, 3), (6, 3), (1, 0), (3, 5), (5, 0)]  # even-odd: its middle is outside
DIAMOND = [(2, 0), (4, 2), (2, 4), (0, 2)]  # area 8
HOLED = [(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (1, 1), (1, 3), (3, 3), (3, 1), (1, 1)]  # by a line there and back
NOTCHED = [(0, 0), (4, 0), (4, 4), (0, 4), (0, 3), (2, 3), (2, 1), (0, 1), (0, 4)]  # an edge goes up, down and up again
TWICE = SQUARE + SQUARE


def both(found: Ring, truth: Ring) -> tuple[list[float], list[int], list[int]]:
    overlap, *unfit = polygon_overlaps([np.array(found, float).reshape(-1, 2)], [np.array(truth, float).reshape(-1, 2)])
    return overlap.iou.tolist(), unfit[0], unfit[1]


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        (SQUARE, SQUARE, 1),
        (SQUARE, [*SQUARE, SQUARE[0]], 1),  # closed
        (SQUARE, SQUARE[::-1], 1),
        (SQUARE, [(0, 0), (0, 0), (4, 0), (2, 0), (4, 0), (4, 4), (4, 4), (0, 4), (0, 0), (0, 0)], 1),  # repeats
        (SQUARE, [(0, 0), (1, 0), (2, 0), (4, 0), (4, 4), (0, 4), (0, 2)], 1),  # points on its edges
        (SQUARE, [(x + 2, y) for x, y in SQUARE], 1 / 3),
        (SQUARE, [(x + 2, y + 2) for x, y in SQUARE], 1 / 7),
        (SQUARE, [(1, 1), (2, 1), (2, 2), (1, 2)], 1 / 16),  # nested
        (SQUARE, DIAMOND, 1 / 2),
        (SQUARE, [(0, 0), (4, 0), (0, 4)], 1 / 2),
        (LETTER_L, SQUARE, 7 / 16),  # concave
        (LETTER_L, [(4 - x, 4 - y) for x, y in LETTER_L], 2 / 12),  # two L make a frame and share its corners
        (LETTER_L, [(1, 1), (4, 1), (4, 4), (1, 4)], 0),  # in its arms, touching
        (SQUARE, [(4, 0), (8, 0), (8, 4), (4, 4)], 0),  # touching along an edge
        (SQUARE, [(4, 4), (8, 4), (8, 8), (4, 8)], 0),  # touching at a corner
        ([(0, 0), (3, 1), (0, 1)], [(0, 0), (3, 0), (3, 1), (0.3, 0.1)], 0),  # along an edge whose points are rounded
        (BOW_TIE, SQUARE, 1 / 2),
        (BOW_TIE, BOW_TIE, 1),
        (BOW_TIE, [(0, 0), (4, 4), (0, 4), (4, 0)], 0),  # the other two triangles
        (BOW_TIE, [(0, 0), (2, 2), (0, 4)], 1 / 2),
        (HOLED, SQUARE, 12 / 16),
        (HOLED, [(1, 1), (3, 1), (3, 3), (1, 3)], 0),
        (NOTCHED, SQUARE, 12 / 16),
        (NOTCHED, [(0, 1), (2, 1), (2, 3), (0, 3)], 0),
        (STAR, [(3 - 0.1, 2), (3 + 0.1, 2), (3, 2.2)], 0),
        ([(0.1, 0.2), (1e6, 0.2), (1e6, 1e6)], [(0.1, 0.2), (1e6, 0.2), (1e6, 1e6)], 1),
        ([(x / 1e6, y / 1e6) for x, y in SQUARE], [(x / 1e6, y / 1e6) for x, y in DIAMOND], 1 / 2),
        ([(x + 2e9, y - 1e9) for x, y in SQUARE], [(x + 2e9, y - 1e9) for x, y in BOW_TIE], 1 / 2),
    ],
)
def test_closed_forms(found: Ring, truth: Ring, expected: float) -> None:
    for one, other in ((found, truth), (truth, found)):
        iou, *unfit = both(one, other)
        assert iou == ([pytest.approx(expected, abs=1e-9)] if expected else [])
        assert unfit == [[], []]


@pytest.mark.parametrize(
    "ring",
    [
        [],
        [(1, 1)],
        [(1, 1), (3, 3)],
        [(1, 1), (1, 1), (1, 1)],
        [(1, 1), (3, 3), (1, 1)],
        [(0, 0), (1, 1), (3, 3)],
        [(0, 0), (0.1, 0.1), (0.3, 0.3), (4, 4), (0.7, 0.7)],
        TWICE,  # even-odd: inside twice is outside
        [(0, 0), (1e300, 0), (1e300, 1e300), (0, 1e300)],
        [(1e300, 1e300)] * 3,
        [(0, 0), (1e-200, 0), (1e-200, 1e-200)],
        [(0, 0), (5e-324, 0), (0, 5e-324)],
        [(0, 0), (1.7e308, -1.7e308), (-1.7e308, 1.7e308)],
    ],
)
def test_what_has_no_area_matches_nothing_and_is_told(ring: Ring) -> None:
    assert both(ring, SQUARE) == ([], [0], [])
    assert both(SQUARE, ring) == ([], [], [0])
    assert both(ring, ring) == ([], [0], [0])


def test_places_are_those_of_the_rings() -> None:
    rings = [np.array(ring, float).reshape(-1, 2) for ring in ([], SQUARE, [], BOW_TIE, TWICE)]
    overlap, without, also = polygon_overlaps(rings, rings[1:])
    assert (without, also) == ([0, 2, 4], [1, 3])
    assert list(zip(*(column.tolist() for column in overlap), strict=True)) == [
        (1, 0, 1),
        (1, 2, 0.5),
        (3, 0, 0.5),
        (3, 2, 1),
    ]


@pytest.mark.parametrize(("found", "truth"), [(0, 0), (2, 0), (0, 2)])
def test_nothing_overlaps_nothing(found: int, truth: int) -> None:
    overlap, *unfit = polygon_overlaps([np.array(SQUARE, float)] * found, [np.array(SQUARE, float)] * truth)
    assert (len(overlap.iou), unfit) == (0, [[], []])


UNITS, POINTS = 4, 64  # the raster's size, and points a unit


def raster(ring: Ring) -> np.ndarray:
    """Which points of the raster are inside: bool, by edges that a line to the right crosses."""
    x = (np.arange(UNITS * POINTS) + 0.5) / POINTS
    y = x[:, None]
    inside = np.zeros((len(x), len(x)), bool)
    for (ax, ay), (bx, by) in zip(ring, [*ring[1:], *ring[:1]], strict=True):
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    return inside


CORNERS = st.tuples(*[st.integers(0, UNITS).map(float)] * 2)
RINGS = st.lists(CORNERS, min_size=3, max_size=9)


@settings(max_examples=40)
@given(RINGS, RINGS)
@example(NOTCHED, HOLED)
@example(STAR, TWICE)
@example(BOW_TIE, [*SQUARE, (0, 0), (4, 4), (4, 0)])
def test_as_a_raster_sees_them(found: Ring, truth: Ring) -> None:
    first, second = raster(found), raster(truth)
    union = (first | second).sum()
    expected = (first & second).sum() / union if union else 0
    (iou, without, also) = both(found, truth)
    assert (bool(without), bool(also)) == (not first.any(), not second.any())
    assert sum(iou) == pytest.approx(expected, abs=0.05)


def exact(found: Ring, truth: Ring) -> tuple[float, float]:
    """The areas of both and of either, in fractions: trapezoids between the places where edges end or cross."""
    edges = []
    for ring in (found, truth):
        corners = [(Fraction(x), Fraction(y)) for x, y in ring]
        sides = zip(corners, [*corners[1:], *corners[:1]], strict=True)
        edges += [(*sorted(side), ring is truth) for side in sides if side[0][0] != side[1][0]]
    places = {end[0] for first, last, _ in edges for end in (first, last)}
    for (one, end, _), (other, last, _) in itertools.combinations(edges, 2):
        (ax, ay), (bx, by) = (end[0] - one[0], end[1] - one[1]), (last[0] - other[0], last[1] - other[1])
        if ax * by != ay * bx:
            along = ((other[0] - one[0]) * by - (other[1] - one[1]) * bx) / (ax * by - ay * bx)
            places.add(one[0] + along * ax)
    both = either = Fraction(0)
    for left, right in itertools.pairwise(sorted(places)):
        middle = (left + right) / 2
        heights = sorted(
            (first[1] + (middle - first[0]) * (last[1] - first[1]) / (last[0] - first[0]), side)
            for first, last, side in edges
            if first[0] <= left and right <= last[0]
        )
        inside = [False, False]
        for (low, side), (high, _) in itertools.pairwise(heights):
            inside[side] ^= True
            both += (high - low) * (right - left) * all(inside)
            either += (high - low) * (right - left) * any(inside)
    return float(both), float(either)


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[Ring, Ring]:
    """Two rings that share corners and edges, and have some that lie next to an edge by rounding."""
    corners = draw(st.lists(st.tuples(*[st.integers(0, 40).map(float)] * 2), min_size=3, max_size=7, unique=True))
    (ax, ay), (bx, by), along = corners[0], corners[1], draw(st.sampled_from([0.1, 1 / 3, 0.5, 0.7]))
    corners.append((ax + along * (bx - ax), ay + along * (by - ay)))
    return tuple(draw(st.lists(st.sampled_from(corners), min_size=3, max_size=8)) for _ in range(2))  # type: ignore[return-value]


@settings(max_examples=100)
@given(neighbours())
@example(([(0, 1), (4, 0), (0, 2)], [(4, 0), (0, 1), (1, 0), (4, 1), (0, 2)]))  # GEOS's own intersection: 4 × too large
def test_rings_that_share_edges_in_fractions(rings: tuple[Ring, Ring]) -> None:
    expected, union = exact(*rings)
    assume(union > 1e-9)  # all that is there is rounding
    assert sum(both(*rings)[0]) == pytest.approx(expected / union, abs=1e-9)


NUMBERS = st.floats(-1e308, 1e308) | st.sampled_from([0.0, 1, 2, 5e-324, 1e-160, 1e12, 1e11, 0.1, 0.3])
ANY_RINGS = st.lists(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=7), max_size=4)


@settings(max_examples=100)
@given(ANY_RINGS, ANY_RINGS)
def test_any_number_is_taken(found: list[list[tuple[float, float]]], truth: list[list[tuple[float, float]]]) -> None:
    rings = [[np.array(ring, float).reshape(-1, 2) for ring in side] for side in (found, truth)]
    overlap, without, also = polygon_overlaps(*rings)
    assert ((overlap.iou > 0) & (overlap.iou <= 1)).all()
    assert not {*overlap.found.tolist()} & {*without} and not {*overlap.truth.tolist()} & {*also}


def test_a_move_changes_nothing() -> None:
    random = np.random.default_rng(0)
    rings = [random.integers(0, 40, (random.integers(3, 9), 2)).astype(float) for _ in range(40)]
    still, without, _ = polygon_overlaps(rings[:20], rings[20:])
    moved, also, _ = polygon_overlaps(*([ring + [700, -300] for ring in side] for side in (rings[:20], rings[20:])))
    assert (moved.found == still.found).all() and (moved.truth == still.truth).all() and without == also
    assert moved.iou == pytest.approx(still.iou, abs=1e-12)


def wheel(corners: int, radius: float, x: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.stack((x + radius * np.cos(angles), radius * np.sin(angles)), axis=1)


def test_rings_of_10000_corners() -> None:
    overlap, *unfit = polygon_overlaps([wheel(10_000, 100, 0)], [wheel(10_000, 50, 0), wheel(10_000, 100, 100)])
    lens = 2 * np.pi / 3 - np.sqrt(3) / 2  # what two circles share whose centres are a radius apart
    assert overlap.iou == pytest.approx([1 / 4, lens / (2 * np.pi - lens)], abs=1e-6)
    assert unfit == [[], []]


def test_neighbours_of_10000_corners_share_nothing() -> None:
    wave = np.stack((np.arange(4999.0), 20 * np.sin(np.arange(4999) / 30)), axis=1)
    above, below = (np.concatenate((wave, [(4998, y), (0, y)])) for y in (300, -300))
    overlap, *unfit = polygon_overlaps([above], [below])
    assert (len(overlap.iou), unfit) == (0, [[], []])


def test_a_ring_that_crosses_itself_too_often_matches_nothing() -> None:
    tangle = np.random.default_rng(0).random((10_000, 2))
    assert both(tangle.tolist(), SQUARE) == ([], [0], [])


def comb(teeth: int) -> np.ndarray:
    """Long thin teeth on a bar, from left to right."""
    left, top, bottom = np.arange(teeth), np.full(teeth, teeth), np.ones(teeth)
    x, y = np.stack((left, left, left + 0.5, left + 0.5)).T.ravel(), np.stack((bottom, top, top, bottom)).T.ravel()
    return np.concatenate((np.stack((x, y), axis=1), [(teeth, 1), (teeth, 0), (-1, 0), (-1, 1)]))


def test_polygons_that_cross_very_often() -> None:
    overlap, *_ = polygon_overlaps([comb(400)], [comb(400)[:, ::-1]])
    # Of both: a tooth half as wide as its place, and the bar; each tooth crosses each, and the other's bar.
    area = 400 * 399 * 0.5 + 401
    shared = 399 * 399 * 0.25 + 2 * 399 * 0.5 + 1
    assert overlap.iou == pytest.approx([shared / (2 * area - shared)], abs=2e-3)


def test_polygons_of_one_image_have_too_many_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(areas, "_MAX_EDGES", 16)
    with pytest.raises(TooManyPairs, match="over 16 pairs of edges"):
        polygon_overlaps([wheel(5, 1, 0)], [wheel(5, 1, 0)])


def test_many_edges_are_handled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rings = [wheel(8, 1, x / 10) for x in range(20)]
    whole = polygon_overlaps(rings, rings)[0]
    monkeypatch.setattr(areas, "_CHUNK", 50)
    in_parts = polygon_overlaps(rings, rings)[0]
    assert (in_parts.found == whole.found).all() and (in_parts.truth == whole.truth).all() and len(whole.iou) > 100
    assert in_parts.iou == pytest.approx(whole.iou, abs=1e-12)
