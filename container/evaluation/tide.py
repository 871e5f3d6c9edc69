"""What is wrong with each prediction: TIDE's six kinds of error (https://arxiv.org/abs/2008.08115), as tidecv has them.

fault, missed = faults(sample, own, 0.5)
"""

from enum import IntEnum

import numpy as np

from container.evaluation.sample import LOWEST_IOU, Sample


class Fault(IntEnum):
    """Of a prediction, or of an object that no prediction met."""

    NONE = 0  # a true positive
    LOCALIZATION = 1  # right label, but the IoU with its best object is under the threshold
    CLASSIFICATION = 2  # meets an object of another label
    BOTH = 3  # another label, and an IoU under the threshold
    DUPLICATE = 4  # meets an object that a better prediction has taken
    BACKGROUND = 5  # meets nothing
    MISSED = 6  # an object that no error above would have met
    EXPLAINED = 7  # an object that a localization or classification error points at


COUNTS = {
    "truePositive": Fault.NONE,
    "localization": Fault.LOCALIZATION,
    "classification": Fault.CLASSIFICATION,
    "both": Fault.BOTH,
    "duplicate": Fault.DUPLICATE,
    "background": Fault.BACKGROUND,
    "missed": Fault.MISSED,
}


def faults(sample: Sample, own: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the faults of D predictions and of T objects, as uint8 D and T; `own` is the object each met, or -1.

    What is said of a crowd, and of a prediction that met one, means nothing.
    """
    truth, found, pairs = sample.truth, sample.found, sample.pairs
    used = np.zeros(len(truth), bool)
    used[own[own >= 0]] = True
    real = ~truth.crowd[pairs.truth]
    same = found.label[pairs.found] == truth.label[pairs.truth]
    label_iou, label_object = _best(sample, real & same)
    other_iou, other_object = _best(sample, real & ~same)
    taken_iou, _ = _best(sample, real & same & used[pairs.truth])
    # The first that holds is the fault; in this order, and with both ends where tidecv has them.
    fault = np.select(
        [
            own >= 0,
            (label_iou >= LOWEST_IOU) & (label_iou <= threshold),
            other_iou >= threshold,
            taken_iou >= threshold,
            np.maximum(label_iou, other_iou) <= LOWEST_IOU,
        ],
        [Fault.NONE, Fault.LOCALIZATION, Fault.CLASSIFICATION, Fault.DUPLICATE, Fault.BACKGROUND],
        Fault.BOTH,
    ).astype(np.uint8)
    missed = np.where(used, Fault.NONE, Fault.MISSED).astype(np.uint8)
    for kind, pointed in ((Fault.LOCALIZATION, label_object), (Fault.CLASSIFICATION, other_object)):
        at = pointed[fault == kind]
        missed[at[~used[at]]] = Fault.EXPLAINED
    return fault, missed


def _best(sample: Sample, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the highest IoU of each prediction among some pairs, 0 without one, and the first object that has it."""
    pairs = sample.pairs
    places = np.flatnonzero(chosen)
    places = places[np.lexsort((-pairs.iou[places], pairs.found[places]))]
    first = np.diff(pairs.found[places], prepend=-1) != 0
    iou, objects = np.zeros(len(sample.found)), np.full(len(sample.found), -1)
    iou[pairs.found[places[first]]] = pairs.iou[places[first]]
    objects[pairs.found[places[first]]] = pairs.truth[places[first]]
    return iou, objects
