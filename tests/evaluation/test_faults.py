"""Which photos are worth looking at."""

import numpy as np
import pytest

from container.evaluation.average_precision import average_precision
from container.evaluation.faults import faults
from container.evaluation.objects import Detections, Truth
from container.evaluation.photos import samples
from tests.evaluation.scenes import SIZE, seen, there

A, B = (0, 0, 100, 150), (150, 50, 250, 150)  # A is a quarter of the photo


@pytest.mark.parametrize(
    ("truth", "found", "weight", "words"),
    [
        (there((0, A)), seen((0.9, 0, A)), 0, "0 missed, 0 wrong"),
        (there((0, A)), seen(), 0.5, "1 missed, 0 wrong"),
        (there((0, A)), seen((0.4, 0, A)), 0.5, "1 missed, 0 wrong"),
        (there(), seen((0.7, 0, A), (0.4, 0, B)), 0.7, "0 missed, 1 wrong"),
        (there((0, A)), seen((0.8, 0, B)), 1.3, "1 missed, 1 wrong"),
        (there((0, A), crowd=[True]), seen(), 0, "0 missed, 0 wrong"),
    ],
)
def test_faults(truth: Truth, found: Detections, weight: float, words: str) -> None:
    area = float(SIZE[0] * SIZE[1])
    # Beside it an object that is found, so that the class is in the data.
    photos = [truth, there((0, B))]
    matches = average_precision(samples(photos, [found, seen((0.9, 0, B))], ["cat"])["box"]).matches
    one, other = faults(matches, np.concatenate([photo.boxes for photo in photos]), np.array([area, area]))
    assert (one.weight, one.words) == (pytest.approx(weight), words)
    assert one.missed.tolist() == [list(A)] * words.startswith("1") and other.weight == 0
