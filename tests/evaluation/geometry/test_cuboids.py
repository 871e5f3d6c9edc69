"""IoU of cuboids: closed forms where they lie along the axes, random points where they are turned."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.evaluation.geometry import cuboid_overlaps

UNIT = (0, 0, 0, 1, 1, 1, 0)


def iou(found: tuple[float, ...], truth: tuple[float, ...]) -> float:
    overlap = cuboid_overlaps(np.array([found], float), np.array([truth], float))
    assert len(overlap.iou) <= 1
    return float(overlap.iou.sum())


@pytest.mark.parametrize(
    ("found", "truth", "expected"),
    [
        (UNIT, UNIT, 1),
        (UNIT, (0.5, 0, 0, 1, 1, 1, 0), 1 / 3),
        (UNIT, (0, 0, 0.5, 1, 1, 1, 0), 1 / 3),
        (UNIT, (0.5, 0.5, 0.5, 1, 1, 1, 0), 1 / 15),
        (UNIT, (0, 0, 0, 2, 2, 2, 0), 1 / 8),
        ((0, 0, 0, 4, 2, 1, 0), (0, 0, 0, 4, 2, 1, math.pi / 2), 4 / 12),
        ((0, 0, 0, 4, 2, 1, 0), (0, 0, 0, 2, 4, 1, math.pi / 2), 1),
        # A square turned by 45° leaves an octagon.
        (UNIT, (0, 0, 0, 1, 1, 1, math.pi / 4), (2 * math.sqrt(2) - 2) / (2 - (2 * math.sqrt(2) - 2))),
        (UNIT, (1, 0, 0, 1, 1, 1, 0), 0),  # they touch
        (UNIT, (0, 0, 1, 1, 1, 1, 0), 0),
        (UNIT, (0.9, 0.9, 0, 1, 1, 1, math.pi / 4), 0),  # only what is around them meets
        (UNIT, (0, 0, 0, 0, 1, 1, 0), 0),  # no volume
        (UNIT, (0, 0, 0, 1, 1, 0, 0), 0),
        (UNIT, (0, 0, 0, 1e300, 1e300, 1e300, 0), 0),  # a volume that no number holds
        ((1e300, 0, 0, 1, 1, 1, 0), (1e300, 0, 0, 1, 1, 1, 0), 0),
        (UNIT, (0, 0, 0, 1e-200, 1e-200, 1e-200, 0), 0),
        ((0, 0, 0, *[1e-200] * 3, 0), (0, 0, 0, *[1e-200] * 3, 0), 0),
    ],
)
def test_closed_forms(found: tuple[float, ...], truth: tuple[float, ...], expected: float) -> None:
    assert iou(found, truth) == pytest.approx(expected, abs=1e-12)
    assert iou(truth, found) == pytest.approx(expected, abs=1e-12)


def test_on_a_map() -> None:
    assert iou((5e5, 5e6, 50, 4, 2, 1, 0.3), (5e5, 5e6, 50.5, 4, 2, 1, 0.3)) == pytest.approx(1 / 3, abs=1e-8)


def test_along_the_axes() -> None:
    random = np.random.default_rng(0)
    found, truth = (random.random((40, 7)) * [3, 3, 3, 2, 2, 2, 0] for _ in range(2))
    overlap = cuboid_overlaps(found, truth)
    expected = np.zeros((40, 40))
    for i, one in enumerate(found):
        for j, other in enumerate(truth):
            sides = np.minimum(one[:3] + one[3:6] / 2, other[:3] + other[3:6] / 2) - np.maximum(
                one[:3] - one[3:6] / 2, other[:3] - other[3:6] / 2
            )
            both = np.maximum(sides, 0).prod()
            expected[i, j] = both / (one[3:6].prod() + other[3:6].prod() - both)
    assert list(zip(overlap.found, overlap.truth, strict=True)) == list(zip(*np.nonzero(expected), strict=True))
    assert overlap.iou == pytest.approx(expected[overlap.found, overlap.truth], abs=1e-12)


def inside(points: np.ndarray, cuboid: np.ndarray) -> np.ndarray:
    x, y, z = (points - cuboid[:3]).T
    cos, sin = math.cos(cuboid[6]), math.sin(cuboid[6])
    own = np.stack((cos * x + sin * y, -sin * x + cos * y, z), axis=1)
    return np.asarray((abs(own) <= cuboid[3:6] / 2).all(1))


def test_turned_against_random_points() -> None:
    random = np.random.default_rng(5)
    points = random.random((600_000, 3)) * 3.4 - 1.7
    for _ in range(6):
        one, other = random.random((2, 7)) * [0.6, 0.6, 0.6, 1.4, 1.4, 1.4, 7] + [-0.3, -0.3, -0.3, 0.6, 0.6, 0.6, -3]
        first, second = inside(points, one), inside(points, other)
        expected = (first & second).sum() / (first | second).sum()
        assert iou(tuple(one), tuple(other)) == pytest.approx(expected, abs=5e-3)


def test_half_a_turn_and_a_move_change_nothing() -> None:
    random = np.random.default_rng(1)
    found, truth = (random.random((20, 7)) * [3, 3, 3, 2, 2, 2, 7] for _ in range(2))
    expected = cuboid_overlaps(found, truth)
    for change in ([0, 0, 0, 0, 0, 0, math.pi], [0, 0, 0, 0, 0, 0, -3 * math.pi]):
        turned = cuboid_overlaps(found + change, truth)
        assert (turned.found == expected.found).all() and (turned.truth == expected.truth).all()
        assert turned.iou == pytest.approx(expected.iou, abs=1e-12)
    moved = cuboid_overlaps(found + [512, -64, 8, 0, 0, 0, 0], truth + [512, -64, 8, 0, 0, 0, 0])
    assert moved.iou == pytest.approx(expected.iou, abs=1e-9)
    itself = cuboid_overlaps(found, found)
    assert itself.iou[itself.found == itself.truth] == pytest.approx(1, abs=1e-12)


NUMBERS = st.floats(-1e308, 1e308) | st.sampled_from([0.0, 1, 2, 5e-324, 1e-160, 1e12, 0.1])


@given(*[st.lists(st.tuples(*[NUMBERS] * 7), max_size=4)] * 2)
def test_any_number_is_taken(found: list[tuple[float, ...]], truth: list[tuple[float, ...]]) -> None:
    overlap = cuboid_overlaps(*(np.array(side, float).reshape(-1, 7) for side in (found, truth)))
    assert ((overlap.iou > 0) & (overlap.iou <= 1)).all()


@pytest.mark.parametrize(("found", "truth"), [(0, 0), (2, 0), (0, 2)])
def test_nothing_overlaps_nothing(found: int, truth: int) -> None:
    assert not len(cuboid_overlaps(np.ones((found, 7)), np.ones((truth, 7))).iou)
