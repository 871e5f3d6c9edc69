"""IoU of classes of pixels, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from container.evaluation.mean_iou import confusion, mean_iou


def test_confusion_has_truth_in_rows_and_ignores() -> None:
    truth, found = np.array([[0, 1, 1], [2, 255, 0]], np.uint8), np.array([[0, 1, 2], [2, 1, 1]], np.uint8)
    assert confusion(truth, found, 3).tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 1]]


@pytest.mark.parametrize(
    ("matrix", "classes", "mean", "without_background", "accuracy"),
    [
        ([[4, 0], [0, 4]], (1, 1), 1, 1, 1),
        ([[3, 1], [1, 3]], (3 / 5, 3 / 5), 3 / 5, 3 / 5, 6 / 8),
        ([[8, 0], [2, 0]], (8 / 10, 0), 4 / 10, 0, 8 / 10),
        # The third class is found and nowhere in the truth: it takes from the others and has no figure of its own.
        ([[3, 0, 1], [0, 4, 0], [0, 0, 0]], (3 / 4, 1, None), 7 / 8, 1, 7 / 8),
        ([[5, 0], [0, 0]], (1, None), 1, None, 1),
        ([[0, 0], [0, 5]], (None, 1), 1, 1, 1),
        ([[0, 0], [0, 0]], (None, None), None, None, None),
    ],
)
def test_mean_iou(
    matrix: list[list[int]],
    classes: tuple[float | None, ...],
    mean: float | None,
    without_background: float | None,
    accuracy: float | None,
) -> None:
    measured = mean_iou(np.array(matrix))
    assert measured.classes == pytest.approx(classes)
    assert (measured.mean, measured.mean_without_background) == pytest.approx((mean, without_background))
    assert measured.pixel_accuracy == pytest.approx(accuracy)


@given(arrays(np.uint8, (4, 5), elements=st.integers(0, 3)))
def test_perfect_maps_are_perfect(classes: np.ndarray) -> None:
    measured = mean_iou(confusion(classes, classes, 4))
    assert measured.mean == measured.pixel_accuracy == 1
    assert {i for i, value in enumerate(measured.classes) if value == 1} == set(np.unique(classes).tolist())
