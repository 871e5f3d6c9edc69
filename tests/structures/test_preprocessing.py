"""Which part of an image is seen, and which steps are left."""

import pytest

from container.structures import Preprocessing, PreprocessingStep

ALL = Preprocessing(True, "Contrast Stretching", (25, 0, 75, 50))


@pytest.mark.parametrize(
    ("crop", "size", "expected"),
    [
        (None, (30, 40), (0, 0, 40, 30)),
        ((0, 0, 100, 100), (30, 40), (0, 0, 40, 30)),
        ((25, 10, 75, 90), (30, 40), (10, 3, 30, 27)),
        ((12.5, 33.4, 50, 66.7), (100, 100), (12, 33, 50, 66)),
        ((40, 40, 60, 60), (1, 1), (0, 0, 1, 1)),  # at least one pixel
        ((99.9, 99.9, 100, 100), (10, 10), (9, 9, 10, 10)),
    ],
)
def test_the_part_that_is_seen(
    crop: tuple[float, float, float, float] | None, size: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    assert Preprocessing(static_crop=crop).crop_box(size) == expected


@pytest.mark.parametrize(
    ("skip", "left"),
    [
        (set(), ALL),
        ({"grayscale"}, Preprocessing(False, ALL.contrast, ALL.static_crop)),
        ({"contrast"}, Preprocessing(True, None, ALL.static_crop)),
        ({"static_crop"}, Preprocessing(True, ALL.contrast, None)),
        ({"grayscale", "contrast", "static_crop"}, Preprocessing()),
    ],
)
def test_steps_can_be_left_out(skip: set[PreprocessingStep], left: Preprocessing) -> None:
    assert ALL.without(frozenset(skip)) == left
    assert bool(left) == (left != Preprocessing())
