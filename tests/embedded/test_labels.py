"""What a teacher sees in several views of a photo, as objects of the photo."""

import numpy as np
import PIL.Image
import pytest
from PIL.Image import Image

from tests.embedded.labels import Ask, agreed, label, overlap

SIZE = (100, 80)


def brightest(picture: Image) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A teacher of one class: the box around what is white."""
    found = picture.convert("L").point(lambda value: 255 * (value > 128)).getbbox()
    if found is None:
        return np.zeros(0, int), np.zeros((0, 4)), np.zeros(0)
    return np.array([3]), np.array([found], float), np.array([0.8])


@pytest.mark.parametrize("box", [(10, 10, 20, 20), (5, 8, 95, 70), (60, 50, 98, 78), (45, 30, 55, 50)])
def test_an_object_is_one_whatever_views_it_is_in(box: tuple[int, int, int, int]) -> None:
    photo = PIL.Image.new("RGB", SIZE)
    photo.paste((255, 255, 255), box)
    assert label(photo, brightest) == [(3, list(map(float, box)), 0.8)]


def outside(picture: Image) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A teacher of boxes of which nothing is in the picture."""
    return np.array([3]), np.array([[-9, 5, -2, 20]], float), np.array([0.9])


@pytest.mark.parametrize("ask", [brightest, outside])
def test_nothing_is_nothing(ask: Ask) -> None:
    assert label(PIL.Image.new("RGB", SIZE), ask) == []


@pytest.mark.parametrize(
    ("scores", "kinds", "small", "expected"),
    [
        ((0.6, 0.4), (0, 1), False, 0.5),
        ((0.6,), (0,), False, 0.3),  # the mirrored photo shows nothing there
        ((0.6, 0.4, 0.9), (0, 1, 2), True, 0.7),
        ((0.6, 0.4, 0.9), (0, 1, 2), False, 0.64),
        ((0.6, 0.4, 0.1, 0.2), (0, 1, 2, 2), True, 0.5),  # a part shows less
        ((0.8,), (2,), True, 0.4),
    ],
)
def test_the_score_is_what_views_agree_on(
    scores: tuple[float, ...], kinds: tuple[int, ...], small: bool, expected: float
) -> None:
    assert agreed(np.array(scores), np.array(kinds), small) == pytest.approx(expected)


def test_overlap_is_the_iou() -> None:
    others = np.array([[0, 0, 2, 2], [0, 0, 2, 4], [5, 5, 6, 6]], float)
    assert overlap(others[0], others).tolist() == [1, 0.5, 0]
