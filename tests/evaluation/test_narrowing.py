"""What filters leave of a sample, and pages of its rows."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from container.evaluation.charts import charts
from container.evaluation.filters import Filters, read
from container.evaluation.narrowing import MatchType, SortBy, examples, narrowed
from container.evaluation.outcomes import KINDS, Outcomes, outcomes
from container.evaluation.sample import Sample
from tests.evaluation.samples import NO_SCORE, Picture, Seen, There, pictures_of, sample_of

A, B, FAR = (0, 0, 100, 100), (150, 50, 100, 100), (300, 0, 90, 40)
TALL, LOW, SMALL = (0, 0, 100, 72), (0, 0, 100, 30), (10, 200, 10, 10)  # IoU of A with TALL 0.72, with LOW 0.3

PICTURES = [
    Picture(
        [There("cat", A), There("dog", B), There("cat", SMALL)],
        [Seen("cat", TALL, 0.9), Seen("cat", B, 0.6), Seen("dog", FAR, 0.3), Seen("cat", LOW)],
    ),
    Picture([There("dog", A)], [Seen("dog", A, 0.8)]),
]
Named = tuple[str, int | None, int | None]  # kind, keys of prediction and object in the store

ALL: list[Named] = [
    ("TP", 1, 1), ("FP", 2, 2), ("FP", 3, None), ("FP", 4, None), ("FN", None, 2), ("FN", None, 3), ("TP", 5, 4)
]  # fmt: skip
CASES: dict[str, tuple[dict[str, Any], list[Named]]] = {
    "none": ({}, ALL),
    "confidence": (
        {"confidenceRange": {"min": 0.6}},
        [("TP", 1, 1), ("FP", 2, 2), ("FN", None, 2), ("FN", None, 3), ("TP", 5, 4)],
    ),
    "predicted labels": (
        {"predLabels": ["dog"]},
        [("FP", 3, None), ("FN", None, 1), ("FN", None, 2), ("FN", None, 3), ("TP", 5, 4)],
    ),
    "true labels": (
        {"gtLabels": ["cat"]},
        [("TP", 1, 1), ("FP", 2, None), ("FP", 3, None), ("FP", 4, None), ("FN", None, 3), ("FP", 5, None)],
    ),
    "area": ({"gtAreaRange": {"max": 100}, "confidenceRange": {"min": 0.9}}, [("FP", 1, None), ("FN", None, 3)]),
    "IoU": ({"iouRange": {"max": 0.8}}, [("TP", 1, 1)]),
    "equal labels": ({"labelEquality": "EQ"}, [("TP", 1, 1), ("TP", 5, 4)]),
    "other labels": ({"labelEquality": "NEQ"}, [("FP", 2, 2)]),
    "with truth": ({"hasGroundTruth": True}, [row for row in ALL if row[2] is not None]),
    "without truth": ({"hasGroundTruth": False}, [("FP", 3, None), ("FP", 4, None)]),
    "background": ({"tideBackground": True}, [("FP", 3, None)]),
    "no background": ({"tideBackground": False}, [row for row in ALL if row != ("FP", 3, None)]),
    "both at once": ({"tideBackground": False, "hasGroundTruth": False}, [("FP", 4, None)]),
    "nothing": ({"predLabels": [], "gtLabels": []}, []),
}  # fmt: skip


def named(sample: Sample, rows: Outcomes) -> list[Named]:
    def key(name: str, place: int) -> int | None:
        return None if place < 0 else int(getattr(sample, name).key[place])

    columns = zip(rows.kind, rows.found, rows.truth, strict=True)
    return [(KINDS[kind], key("found", found), key("truth", truth)) for kind, found, truth in columns]


@pytest.mark.parametrize("case", CASES)
def test_filters_leave_rows(case: str) -> None:
    document, expected = CASES[case]
    sample, rows = narrowed(sample_of(PICTURES), read(document), 0.5)
    assert named(sample, rows) == expected


def test_images_and_predictions_of_the_caller() -> None:
    whole = sample_of(PICTURES, first=7)
    sample, rows = narrowed(whole, Filters(), 0.5, images=np.array([False, True]))
    assert named(sample, rows) == [("TP", 5, 4)] and sample.images.tolist() == [8]
    sample, rows = narrowed(whole, Filters(), 0.5, found=whole.found.key != 1)
    assert ("FN", None, 1) in named(sample, rows)


def test_labels_of_the_upload_and_those_they_count_as() -> None:
    sample = sample_of(PICTURES).relabelled({"dog": "pet", "cat": "pet"}, {"dog": "pet", "cat": "pet"})
    everything = named(*narrowed(sample, Filters(), 0.5))
    assert named(*narrowed(sample, read({"predLabels": ["pet"]}), 0.5)) == everything
    assert named(*narrowed(sample, read({"gtLabels": ["dog"], "predLabels": ["dog"]}), 0.5)) == [
        ("FP", 3, None), ("FN", None, 2), ("TP", 5, 4)
    ]  # fmt: skip


DOCUMENTS = [
    *(document for document, _ in CASES.values()),
    *({"labelEquality": kind, "hasGroundTruth": truth} for kind, truth in product(("EQ", "NEQ"), (True, False))),
    {"iouRange": {"min": 0.5, "max": 0.8}, "predLabels": ["cat", "ape"], "gtAreaRange": {"min": 200}},
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_totals_of_charts_are_those_of_examples(document: dict[str, Any]) -> None:
    sample, rows = narrowed(sample_of(pictures_of(3, 20, whole=True)), read(document), 0.5)
    found = charts(sample, 0.5, rows)
    kinds: tuple[MatchType, ...] = ("TP", "FP", "FN")
    totals = [examples(rows, sample, match_type=kind, limit=1)[1] for kind in kinds]
    assert totals == [found["totalCounts"][name] for name in ("tp", "fp", "fn")]
    assert found["tideAttribution"]["truePositive"] == totals[0]
    seen = [cell["count"] for cell in found["confusionMatrix"] if cell["predLabel"] != "(none)"]
    assert sum(seen) == totals[0] + totals[1]


def test_filters_of_objects_are_as_if_they_had_never_been() -> None:
    pictures = pictures_of(5, 15, whole=True)
    less = [
        Picture(
            [one for one in picture.truth if one.label == "cat"],
            [one for one in picture.found if one.label != "bee" and one.score >= 0.25],
        )
        for picture in pictures
    ]
    filters = read({"gtLabels": ["cat"], "predLabels": ["cat", "ape", "dog"], "confidenceRange": {"min": 0.25}})
    sample, rows = narrowed(sample_of(pictures), filters, 0.5)
    assert charts(sample, 0.5, rows) == charts(sample_of(less), 0.5)


SORTS: dict[str, tuple[SortBy | None, bool, list[int]]] = {  # places in ALL
    "as they are": (None, True, [0, 1, 2, 3, 4, 5, 6]),
    "confidence": ("confidence", True, [2, 1, 6, 0, 3, 4, 5]),
    "confidence, down": ("confidence", False, [0, 6, 1, 2, 3, 4, 5]),
    "IoU": ("iou", True, [0, 1, 6, 2, 3, 4, 5]),
    "IoU, down": ("iou", False, [1, 6, 0, 2, 3, 4, 5]),
    "images": ("dataset_item_id", True, [0, 1, 2, 3, 4, 5, 6]),
    "images, down": ("dataset_item_id", False, [6, 0, 1, 2, 3, 4, 5]),
    "area": ("gt_area", True, [5, 0, 1, 4, 6, 2, 3]),
    "area, down": ("gt_area", False, [0, 1, 4, 6, 5, 2, 3]),
}


@pytest.mark.parametrize("case", SORTS)
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_in_order(case: str, limit: int) -> None:
    sort_by, ascending, expected = SORTS[case]
    sample = sample_of(PICTURES)
    rows = outcomes(sample, 0.5)
    pages = [
        examples(rows, sample, sort_by=sort_by, ascending=ascending, limit=limit, offset=offset)
        for offset in range(0, len(rows) + limit, limit)
    ]
    assert [place for page, _ in pages for place in page.tolist()] == expected
    assert {total for _, total in pages} == {len(rows)}


def test_pages_of_one_kind() -> None:
    sample = sample_of(PICTURES)
    page, total = examples(
        outcomes(sample, 0.5), sample, match_type="FP", sort_by="confidence", ascending=False, limit=2, offset=1
    )
    assert (page.tolist(), total) == ([2, 3], 3)


def test_sorting_looks_at_every_score() -> None:
    pictures = [Picture([], [replace(one, score=score) for score in (NO_SCORE, 0.1, 1.0)]) for one in (Seen("a", A),)]
    sample = sample_of(pictures)
    assert examples(outcomes(sample, 0.5), sample, sort_by="confidence", limit=9)[0].tolist() == [1, 2, 0]
