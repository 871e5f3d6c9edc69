"""Labels lie in the picture and, where it can be, on nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container.rendering import placement

NOTHING = np.zeros((0, 4))


def place(
    boxes: list[tuple[float, ...]], size: placement.Size = (10, 40), image: placement.Size = (200, 300)
) -> list[tuple[int, int]]:
    candidates = [placement.beside(np.array(box), None, size) for box in boxes]
    return placement.spread([size] * len(boxes), candidates, np.array(boxes, float).reshape(-1, 4), image)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([], []),
        ([(50, 60, 150, 160)], [(50, 50)]),
        ([(50, 5, 150, 160)], [(50, 0)]),  # moved down into the picture
        ([(0, 0, 300, 200)], [(0, 0)]),
        ([(290, 60, 300, 160)], [(260, 50)]),
        ([(50, 60, 150, 160), (50, 60, 150, 160)], [(50, 50), (110, 50)]),
        # The second would lie on the small third one, and moves to its own right corner.
        ([(50, 60, 150, 160), (50, 50, 90, 60)], [(110, 50), (50, 40)]),
    ],
)
def test_labels_go_beside_their_boxes(boxes: list[tuple[float, ...]], expected: list[tuple[int, int]]) -> None:
    assert place(boxes) == expected


@given(st.lists(st.tuples(*[st.floats(-400, 700)] * 4), max_size=12))
def test_labels_stay_in_the_picture(boxes: list[tuple[float, ...]]) -> None:
    points = np.array(place(boxes)).reshape(-1, 2)
    assert (points >= 0).all()
    assert (points <= [300 - 40, 200 - 10]).all()


def test_many_labels_of_one_place_do_not_cover_each_other() -> None:
    points = place([(100, 90, 160, 150)] * 8)
    covered = [abs(ax - bx) < 40 and abs(ay - by) < 10 for i, (ax, ay) in enumerate(points) for bx, by in points[:i]]
    assert not any(covered)


@pytest.mark.parametrize(
    ("rows", "columns", "center"),
    [
        (slice(20, 60), slice(20, 60), (40, 40)),
        (slice(20, 40), slice(0, 300), (150, 30)),
        (slice(30, 31), slice(40, 41), (40, 30)),
    ],
)
def test_a_region_is_labelled_in_its_middle(rows: slice, columns: slice, center: tuple[int, int]) -> None:
    crop = np.zeros((100, 300), bool)
    crop[rows, columns] = True
    ((x, y),) = placement.spread(
        [(10, 20)], [placement.inside(placement.pole(crop, 0, 0)[:2], (10, 20))], NOTHING, (100, 300)
    )
    assert abs(x + 10 - center[0]) <= 2
    assert abs(y + 5 - center[1]) <= 2


def test_a_ring_is_labelled_on_the_ring() -> None:
    crop = np.zeros((101, 101), bool)
    crop[:, :] = True
    crop[20:81, 20:81] = False
    x, y, reach = placement.pole(crop, 7, 9)
    assert crop[int(y) - 9, int(x) - 7] and 9 <= reach <= 11


def test_a_stack_hangs_from_the_corner() -> None:
    sizes = [(9, 30)] * 3
    corners = placement.spread(sizes, [placement.stacked(i, s) for i, s in enumerate(sizes)], NOTHING, (100, 100))
    assert corners == [(3, 3), (3, 14), (3, 25)]


def test_what_is_taken_is_kept_free() -> None:
    size, box = (10, 40), np.array([50, 60, 150, 160])
    (point,) = placement.spread(
        [size], [placement.beside(box, None, size)], NOTHING, (200, 300), np.array([40, 40, 100, 62])
    )
    assert point == (110, 50)


@pytest.mark.parametrize(
    ("box", "inside", "size", "nowhere"),
    [
        ((20, 20, 60, 60), None, (10, 40), False),
        ((0, 0, 300, 200), None, (10, 40), False),  # on the object, of which it is a small part
        ((0, 0, 60, 30), None, (29, 40), False),  # below it
        ((0, 0, 300, 30), None, (190, 140), True),
        ((0, 0, 30, 30), None, (190, 290), True),
        ((0, 0, 0, 0), 1600, (10, 40), False),
        ((0, 0, 0, 0), 1599, (10, 40), True),
    ],
)
def test_a_label_covers_a_quarter_of_its_object_at_the_most(
    box: tuple[int, int, int, int], inside: int | None, size: placement.Size, nowhere: bool
) -> None:
    def corners(size: placement.Size) -> np.ndarray:
        return placement.beside(np.array(box, float), None, size)

    permitted = placement.Spot(corners, inside, box).permitted(size, (200, 300), 0.25)
    assert (len(permitted) == 0) == nowhere
    if inside is None:
        covered = placement.overlaps(np.concatenate([permitted, permitted + [size[1], size[0]]], 1), np.array([box]))
        small = max(box[2] - box[0], box[3] - box[1]) < 40
        assert (covered <= (0 if small else 0.25 * (box[2] - box[0]) * (box[3] - box[1]))).all()


def test_above_the_topmost_point_comes_first() -> None:
    box, size = np.array([50, 60, 150, 160]), (10, 40)
    assert placement.beside(box, np.array([130, 60]), size)[0].tolist() == [110, 50]
    assert placement.beside(box, np.array([130, 60]), size)[1:].tolist() == placement.beside(box, None, size).tolist()
