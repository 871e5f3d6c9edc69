"""What was wrong in each photo, to find those that are worth looking at."""

from dataclasses import dataclass

import numpy as np

from container.evaluation.average_precision import Matches

CONFIDENCE = 0.5  # from which a detection counts as said


@dataclass(frozen=True)
class Faults:
    """What was wrong in one photo."""

    weight: float  # greater is worse
    words: str
    missed: np.ndarray  # float N×4 xyxy, boxes of the objects that were not found


def faults(matches: Matches, boxes: np.ndarray, areas: np.ndarray) -> tuple[Faults, ...]:
    """The faults of each photo at CONFIDENCE.

    An object that was missed weighs the side of its box against that of the photo, a detection of nothing its score.

    Args:
        boxes: float N×4 xyxy, of all objects of the sample.
        areas: of the photos, in pixels.
    """
    lost = matches.found_at < CONFIDENCE
    missed = _by_photo(matches.truth_photos[lost], boxes[matches.truth[lost]], len(areas))
    false = ~matches.hits & (matches.scores >= CONFIDENCE)
    wrong = _by_photo(matches.photos[false], matches.scores[false], len(areas))
    return tuple(_faults(*one) for one in zip(missed, wrong, areas.tolist(), strict=True))


def _by_photo(photos: np.ndarray, values: np.ndarray, count: int) -> list[np.ndarray]:
    order = np.argsort(photos, kind="stable")
    return np.split(values[order], np.searchsorted(photos[order], np.arange(1, count))) if count else []


def _faults(missed: np.ndarray, wrong: np.ndarray, area: float) -> Faults:
    sides = np.sqrt((missed[:, 2:] - missed[:, :2]).prod(axis=1) / area)
    return Faults(float(sides.sum() + wrong.sum()), f"{len(missed)} missed, {len(wrong)} wrong", missed)
