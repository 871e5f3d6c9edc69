"""Counts tidecv's errors: sets of pictures as JSON on standard input, one object of counts for each on the output.

Run in a process of its own: tidecv imports what it draws and downloads with, which is neither needed nor installed.
"""

import json
import sys
from typing import Any
from unittest.mock import MagicMock

DRAWING = ("appdirs", "cv2", "matplotlib", "matplotlib.lines", "matplotlib.pyplot", "pandas", "seaborn")
NAMES = {
    "ClassError": "classification",
    "BoxError": "localization",
    "OtherError": "both",
    "DuplicateError": "duplicate",
    "BackgroundError": "background",
    "MissedError": "missed",
}


def counts(threshold: float, pictures: list[dict[str, Any]]) -> dict[str, int]:
    """The counts of one set; a picture has its truth as [class, box], and what was found as [class, box, score]."""
    from tidecv import TIDE, Data  # type: ignore[import-not-found]

    truth, found = Data("truth", max_dets=10**6), Data("found", max_dets=10**6)
    for number, picture in enumerate(pictures):
        truth.add_image(number, str(number))
        for label, box in picture["truth"]:
            truth.add_ground_truth(number, label, box)
        for label, box, score in picture["found"]:
            found.add_detection(number, label, score, box)
    run = TIDE().evaluate(truth, found, pos_threshold=threshold, mode=TIDE.BOX)
    errors = {NAMES[kind.__name__]: count for kind, count in run.count_errors().items()}
    return errors | {"truePositive": sum(one["used"] is True for one in found.annotations)}


if __name__ == "__main__":
    sys.modules.update({name: MagicMock() for name in DRAWING})
    json.dump([counts(**one) for one in json.load(sys.stdin)], sys.stdout)
