"""Reports as JSON and as text."""

import json

import numpy as np

from container.evaluation.average_precision import Scores
from container.evaluation.confidence import BestConfidence
from container.evaluation.detection import DetectionReport
from container.evaluation.mean_iou import mean_iou
from container.evaluation.report import Subject, listed
from container.evaluation.semantic import SemanticReport

SUBJECT = Subject("net", "farm", 3, {"horse": 12, "dog": 1}, ("cow",), ("cat", "tv"))
BOX = Scores(0.5, 0.75, 0.4, None, 0.3, 0.6, 0.55, (0.6, 0.4), (0.8, None))
DETECTION = DetectionReport(SUBJECT, 0.25, (), BOX, None, BestConfidence(0.4, 0.7, 0.8), {})
SEMANTIC = SemanticReport(SUBJECT, 0.25, (), mean_iou(np.array([[8, 0, 0], [2, 2, 0], [0, 0, 0]])))


def test_a_detection_report_as_json() -> None:
    assert json.loads(json.dumps(DETECTION.as_dict())) == {
        "model": "net",
        "data": "farm",
        "photos": 3,
        "box_ap": 0.5,
        "box_ap50": 0.75,
        "box_ap75": 0.4,
        "box_ap_small": None,
        "box_ap_medium": 0.3,
        "box_ap_large": 0.6,
        "box_ar100": 0.55,
        "best_confidence": 0.4,
        "macro_f1": 0.7,
        "micro_f1": 0.8,
        "seconds_per_photo": 0.25,
        "classes": {
            "horse": {"objects": 12, "box_ap": 0.6, "box_ap50": 0.8},
            "dog": {"objects": 1, "box_ap": 0.4, "box_ap50": None},
        },
        "unknown_to_the_model": ["cow"],
        "absent_from_the_data": ["cat", "tv"],
    }


def test_a_detection_report_as_text() -> None:
    head, summary, classes, tail = DETECTION.table().split("\n\n")
    assert head == "net on 3 photos of farm"
    assert summary.splitlines()[:4] == [
        "box_ap             0.500",
        "box_ap50           0.750",
        "box_ap75           0.400",
        "box_ap_small           -",
    ]
    assert classes.splitlines() == [
        "class  objects  box_ap  box_ap50",
        "horse       12   0.600     0.800",
        "dog          1   0.400         -",
    ]
    assert tail.splitlines() == ["unknown to the model: cow", "absent from the data: cat, tv"]


def test_a_semantic_report() -> None:
    assert SEMANTIC.summary() == {
        "mean_iou": 0.65,
        "mean_iou_without_background": 0.5,
        "background_iou": 0.8,
        "pixel_accuracy": 10 / 12,
        "seconds_per_photo": 0.25,
    }
    assert SEMANTIC.as_dict()["classes"] == {"horse": {"objects": 12, "iou": 0.5}, "dog": {"objects": 1, "iou": None}}
    assert SEMANTIC.best_confidence is None


def test_long_lists_are_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([str(i) for i in range(25)]).endswith("18, 19 and 5 more")
