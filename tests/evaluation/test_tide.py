"""TIDE's kinds of error: by hand, and against tidecv."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from container.evaluation.outcomes import outcomes
from tests.evaluation.samples import Picture, Seen, There, pictures_of, sample_of

A, B, FAR = (0, 0, 100, 100), (150, 50, 100, 100), (300, 0, 90, 40)
TALL, HALF, LOW, TOUCH = (0, 0, 100, 72), (0, 0, 100, 50), (0, 0, 100, 30), (0, 0, 100, 5)  # IoU with A: .72 .5 .3 .05
CAT = There("cat", A)

CASES: dict[str, tuple[list[There], list[Seen], dict[str, int]]] = {
    "right": ([CAT], [Seen("cat", TALL, 0.9)], {"truePositive": 1}),
    "localization explains the object": ([CAT], [Seen("cat", LOW, 0.9)], {"localization": 1}),
    "classification explains the object": ([CAT], [Seen("dog", TALL, 0.9)], {"classification": 1}),
    "both explain nothing": ([CAT], [Seen("dog", LOW, 0.9)], {"both": 1, "missed": 1}),
    "duplicate": ([CAT], [Seen("cat", A, 0.9), Seen("cat", TALL, 0.8)], {"truePositive": 1, "duplicate": 1}),
    "at the threshold a duplicate is badly placed": (
        [CAT],
        [Seen("cat", A, 0.9), Seen("cat", HALF, 0.8)],
        {"truePositive": 1, "localization": 1},
    ),
    "background": ([CAT], [Seen("cat", FAR, 0.9), Seen("cat", TOUCH, 0.8)], {"background": 2, "missed": 1}),
    "missed": ([CAT], [], {"missed": 1}),
    "another label comes before a duplicate": (
        [CAT, There("dog", A)],
        [Seen("cat", A, 0.9), Seen("cat", A, 0.8)],
        {"truePositive": 1, "classification": 1},
    ),
    "crowds are no objects": (
        [There("cat", A, crowd=True)],
        [Seen("cat", LOW, 0.9), Seen("dog", A, 0.9)],
        {"background": 1},
    ),
    "without a score": ([CAT], [Seen("cat", TALL), Seen("cat", A)], {"truePositive": 1, "duplicate": 1}),
}
NONE = dict.fromkeys(
    ["truePositive", "localization", "classification", "both", "duplicate", "background", "missed"], 0
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_faults_that_can_be_seen(case: str) -> None:
    truth, found, expected = CASES[case]
    assert outcomes(sample_of([Picture(truth, found)]), 0.5).tide() == NONE | expected


def test_tidecv_counts_the_same() -> None:
    folder = Path(sys.prefix, "tidecv")
    if not folder.exists():
        reason = "tidecv is not installed: make .venv/.tidecv"
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    sets = [
        (threshold, pictures_of(seed, 15, scores=20, crowds=False, unscored=False, extent=extent))
        for seed in range(25)
        for threshold in (0.5, 0.75)
        for extent in (120.0, 400.0)
    ]
    labels = sorted({one.label for _, pictures in sets for picture in pictures for one in picture.found})
    asked = [
        {
            "threshold": threshold,
            "pictures": [
                {
                    "truth": [[labels.index(one.label), one.box] for one in picture.truth],
                    "found": [[labels.index(one.label), one.box, one.score] for one in picture.found],
                }
                for picture in pictures
            ],
        }
        for threshold, pictures in sets
    ]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("drive_tidecv.py")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )
    assert done.returncode == 0, done.stderr[-5000:]
    found = [outcomes(sample_of(pictures), threshold).tide() for threshold, pictures in sets]
    assert found == json.loads(done.stdout)
    assert all(sum(one[name] for one in found) > 100 for name in NONE), "the sets lack a kind of error"
