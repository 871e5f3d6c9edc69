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


def faults(matches: Matches, areas: np.ndarray) -> tuple[Faults, ...]:
    """The faults of each photo at CONFIDENCE.

    An object that was missed weighs the side of its box against that of the photo, a detection of nothing its score.

    Args:
        areas: of the photos, in pixels.
    """
    return tuple(_faults(matches, photo, float(area)) for photo, area in enumerate(areas))


def _faults(matches: Matches, photo: int, area: float) -> Faults:
    missed = matches.truth_boxes[(matches.truth_photos == photo) & (matches.found_at < CONFIDENCE)]
    wrong = matches.scores[(matches.photos == photo) & ~matches.hits & (matches.scores >= CONFIDENCE)]
    sides = np.sqrt((missed[:, 2:] - missed[:, :2]).prod(axis=1) / area)
    return Faults(float(sides.sum() + wrong.sum()), f"{len(missed)} missed, {len(wrong)} wrong", missed)
