"""Filters as the client writes them, and what is none."""

import math
from typing import Any

import pytest

from container.evaluation.filters import Filters, Predicate, Range, read

READ: dict[str, tuple[Any, Filters]] = {
    "none": (None, Filters()),
    "empty": ({}, Filters()),
    "nulls": ({"confidenceRange": None, "sliceIds": None}, Filters()),
    "ranges": (
        {"confidenceRange": {"min": 0.5, "max": 1}, "iouRange": {"max": 0.75}, "gtAreaRange": {"min": None}},
        Filters(
            confidence_range=Range(0.5, 1), iou_range=Range(-math.inf, 0.75), gt_area_range=Range(-math.inf, math.inf)
        ),
    ),
    "labels": (
        {"predLabels": ["cat", "cat"], "gtLabels": []},
        Filters(pred_labels=frozenset(["cat"]), gt_labels=frozenset()),
    ),
    "rows": (
        {"labelEquality": "NEQ", "hasGroundTruth": False, "tideBackground": True},
        Filters(label_equality="NEQ", has_ground_truth=False, tide_background=True),
    ),
    "metadata": (
        {
            "itemMetadata": [{"key": "a", "op": "IN", "value": [1, "b"]}],
            "predictionMetadata": [{"key": "c", "op": "EQ"}],
        },
        Filters(item_metadata=(Predicate("a", "IN", [1, "b"]),), prediction_metadata=(Predicate("c", "EQ", None),)),
    ),
    "names of Python": (
        {"slice_ids": ["slc_1"], "gt_labels": ["a"]},
        Filters(slice_ids=("slc_1",), gt_labels=frozenset(["a"])),
    ),
}

WRONG: list[tuple[Any, str]] = [
    ([], "filters must be an object"),
    ({"confidence": {}}, "'confidence' is no filter; there are confidenceRange, "),
    ({"gtLabels": ["a"], "gt_labels": ["b"]}, "filter gt_labels is given twice"),
    ({"iouRange": [0, 1]}, "iouRange must be an object of min and max"),
    ({"iouRange": {"min": 0, "low": 1}}, "iouRange must be an object of min and max"),
    ({"iouRange": {"min": "0"}}, "min of iouRange must be a number"),
    ({"iouRange": {"max": True}}, "max of iouRange must be a number"),
    ({"iouRange": {"max": math.nan}}, "max of iouRange must be a number"),
    ({"iouRange": {"max": 10**400}}, "max of iouRange must be a number"),
    ({"iouRange": {"min": 0.6, "max": 0.5}}, "min of iouRange is over its max"),
    ({"predLabels": "cat"}, "predLabels must be a list of texts"),
    ({"predLabels": ["cat", 1]}, "predLabels must be a list of texts"),
    ({"sliceIds": [[]]}, "sliceIds must be a list of texts"),
    ({"labelEquality": "eq"}, "labelEquality must be EQ or NEQ"),
    ({"labelEquality": []}, "labelEquality must be EQ or NEQ"),
    ({"hasGroundTruth": 1}, "hasGroundTruth must be true or false"),
    ({"tideBackground": "true"}, "tideBackground must be true or false"),
    ({"itemMetadata": {"key": "a"}}, "itemMetadata must be a list"),
    ({"itemMetadata": ["a"]}, "each of itemMetadata must be an object of key, op and value"),
    ({"itemMetadata": [{"key": "a", "op": "EQ", "values": 1}]}, "each of itemMetadata must be an object"),
    ({"itemMetadata": [{"op": "EQ"}]}, "key in itemMetadata must be a text"),
    ({"itemMetadata": [{"key": "a", "op": "LIKE"}]}, "op in itemMetadata must be EQ, IN, GT or LT"),
    ({"itemMetadata": [{"key": "a", "op": {}}]}, "op in itemMetadata must be EQ, IN, GT or LT"),
    ({"itemMetadata": [{"key": "a", "op": "IN", "value": "b"}]}, "value of IN in itemMetadata must be a list"),
    ({"itemMetadata": [{"key": "a", "op": "GT", "value": "b"}]}, "value of GT in itemMetadata must be a number"),
    ({"itemMetadata": [{"key": "a", "op": "LT"}]}, "value of LT in itemMetadata must be a number"),
]

METADATA = {"count": 3, "share": 0.5, "name": "b", "flag": True, "nothing": None, "list": [1, 2]}
HOLDS: list[tuple[str, str, Any, bool]] = [
    ("name", "EQ", "b", True),
    ("name", "EQ", "c", False),
    ("count", "EQ", 3, True),
    ("count", "EQ", 3.0, True),
    ("count", "EQ", "3", True),
    ("count", "EQ", True, False),
    ("flag", "EQ", True, True),
    ("flag", "EQ", "true", True),
    ("flag", "EQ", 1, False),
    ("nothing", "EQ", None, True),
    ("list", "EQ", [1, 2], True),
    ("other", "EQ", None, False),
    ("name", "IN", ["a", "b"], True),
    ("name", "IN", [], False),
    ("count", "IN", ["3"], True),
    ("count", "GT", 2, True),
    ("count", "GT", 3, False),
    ("count", "GT", "2.5", True),
    ("share", "LT", 0.6, True),
    ("share", "LT", 0.5, False),
    ("name", "GT", 0, False),
    ("flag", "GT", 0, False),
    ("nothing", "LT", 5, False),
    ("other", "LT", 5, False),
]


@pytest.mark.parametrize("case", READ)
def test_filters_are_read(case: str) -> None:
    document, filters = READ[case]
    assert read(document) == filters


@pytest.mark.parametrize(("document", "words"), WRONG)
def test_what_is_no_filter_is_refused_in_words(document: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words.replace(".", r"\.")) as error:
        read(document)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(("key", "op", "value", "expected"), HOLDS)
def test_metadata_fits_or_not(key: str, op: str, value: Any, expected: bool) -> None:
    (predicate,) = read({"itemMetadata": [{"key": key, "op": op, "value": value}]}).item_metadata
    assert predicate.holds(METADATA) is expected
