"""Charts, examples and filters of an evaluation, as clients of each version ask for them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.protocols.nucleus.conftest import item
from tests.protocols.nucleus.scenes import Scene, made, opened, placed

CHARTS = {
    "mapSummary",
    "perClassAp",
    "confusionMatrix",
    "scoreHistogram",
    "computedIouRanges",
    "totalCounts",
    "apBySize",
    "prCurve",
    "tideAttribution",
}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """What all of these tests share."""
    with opened(tmp_path_factory.mktemp("figures") / "store") as one:
        yield one


@pytest.fixture(scope="module")
def route(scene: Scene) -> str:
    """An evaluation of the run: of two cars the second is a van to it."""
    return f"evaluationsV2/{made(scene, f'modelRun/{scene.run}/evaluationsV2')['id']}"


def test_charts_by_get_and_by_post(scene: Scene, route: str) -> None:
    charts = scene.api.post(f"{route}/charts", iouThreshold=0.5)
    assert set(charts) == CHARTS
    assert charts["totalCounts"] == {"tp": 1, "fp": 1, "fn": 1, "predsWithConfidence": 2}
    assert [one["classLabel"] for one in charts["perClassAp"]] == ["car"]
    assert charts["mapSummary"]["mapAt50"] == pytest.approx(51 / 101)
    assert scene.api.get(f"{route}/charts") == scene.api.get(f"{route}/charts?iouThreshold=0.5&query=") == charts


@pytest.mark.parametrize(
    ("filters", "counts"),
    [
        ({}, (1, 1, 1)),
        ({"predLabels": ["car"]}, (1, 0, 1)),
        ({"confidenceRange": {"min": 0.85, "max": None}}, (1, 0, 1)),
        ({"itemMetadata": [{"key": "night", "op": "EQ", "value": True}]}, (0, 1, 1)),
        ({"hasGroundTruth": True, "tideBackground": None}, (1, 1, 1)),
        ({"gtLabels": ["bus"]}, (0, 2, 0)),
    ],
)
def test_filters_are_the_same_for_charts_and_examples(
    scene: Scene, route: str, filters: dict[str, Any], counts: tuple[int, ...]
) -> None:
    charts = scene.api.post(f"{route}/charts", filters=filters)
    query = urlencode({"iouThreshold": "0.5", "filters": json.dumps(filters)})
    assert scene.api.get(f"{route}/charts?{query}") == charts
    assert tuple(charts["totalCounts"][name] for name in ("tp", "fp", "fn")) == counts
    for match_type, count in zip(("TP", "FP", "FN"), counts, strict=True):
        page = scene.api.post(f"{route}/examples", match_type=match_type, filters=filters)
        assert page["total"] == count == len(page["rows"])


def test_examples_in_pages(scene: Scene, route: str) -> None:
    page = scene.api.post(f"{route}/examples", limit=2, sort_by="confidence", sort_order="desc")
    assert page["total"] == 3
    assert [row["confidence"] for row in page["rows"]] == [0.9, 0.8]
    first = page["rows"][0]
    assert {"id", "evaluation_id", "dataset_item_id", "true_positive", "match_type"} <= set(first)
    assert (first["evaluation_id"], first["match_type"], first["true_positive"]) == (route.split("/")[1], "TP", True)
    assert (first["model_prediction_id"], first["ground_truth_annotation_id"]) == ("p1", "t1")
    assert (first["pred_raw_label"], first["gt_raw_label"], first["iou"]) == ("car", "car", 1.0)
    rest = scene.api.post(f"{route}/examples", limit=2, offset=2, sort_by="confidence", sort_order="DESC")
    assert [row["match_type"] for row in rest["rows"]] == ["FN"]
    surest_last = scene.api.post(f"{route}/examples", match_type=None, sort_by="confidence")
    assert [row["confidence"] for row in surest_last["rows"]][:2] == [0.8, 0.9]
    assert scene.api.post(f"{route}/examples", offset=9) == {"rows": [], "total": 3}


def test_what_may_be_filtered_by(scene: Scene, route: str) -> None:
    assert scene.api.get(f"{route}/filterSchema") == {
        "gt_labels": ["car"],
        "pred_labels": ["car", "van"],
        "metadata_fields": [{"key": "night", "value_type": "boolean", "values": ["true"]}],
    }


def test_what_is_refused(scene: Scene, route: str) -> None:
    for status, said, end, document in [
        (400, "iou_threshold", "charts", {"iouThreshold": 0.05}),
        (400, "iou_threshold", "charts", {"iouThreshold": 1.5}),
        (400, "iou_threshold", "charts", {"iouThreshold": "0.5"}),
        (400, "iou_threshold", "charts", {"iouThreshold": True}),
        (400, "colour", "charts", {"colour": 1}),
        (400, "filters", "charts", {"filters": []}),
        (400, "'colours'", "charts", {"filters": {"colours": []}}),
        (400, "confidenceRange", "charts", {"filters": {"confidenceRange": {"min": "a"}}}),
        (400, "over its max", "charts", {"filters": {"iouRange": {"min": 2, "max": 1}}}),
        (400, "predLabels", "examples", {"filters": {"predLabels": "car"}}),
        (400, "itemMetadata", "examples", {"filters": {"itemMetadata": [{"key": "a", "op": "NE"}]}}),
        (501, "sliceIds", "examples", {"filters": {"sliceIds": ["slc_1"]}}),
        (501, "query", "examples", {"query": "label = 'car'"}),
        (400, "match_type", "examples", {"match_type": "TN"}),
        (400, "limit", "examples", {"limit": 101}),
        (400, "limit", "examples", {"limit": 0}),
        (400, "offset", "examples", {"offset": -1}),
        (400, "sort_by", "examples", {"sort_by": "label"}),
        (400, "sort_order", "examples", {"sort_order": "up"}),
        (400, "sort_order", "examples", {"sort_order": 1}),
    ]:
        assert said in scene.api.error(status, "POST", f"{route}/{end}", document), document
    for status, said, query in [
        (400, "iou_threshold", "iouThreshold=high"),
        (400, "iou_threshold", "iouThreshold=nan"),
        (400, "filters", "filters=%7B"),
        (400, "filters", "filters=NaN"),
        (400, "filters", "filters=1"),
        (501, "query", "query=a"),
    ]:
        assert said in scene.api.error(status, "GET", f"{route}/charts?{query}"), query


def test_no_nesting_is_too_deep_to_be_told(scene: Scene, route: str) -> None:
    for depth in range(800, 1001):
        nested = "[" * depth + "]" * depth
        answer = scene.api.ask("POST", f"{route}/charts", data=f'{{"filters":{nested}}}')
        assert answer.status_code == 400, (depth, answer.data)


def test_what_takes_the_place_of_a_deleted_item_is_no_example(tmp_path: Path) -> None:
    with opened(tmp_path / "store") as scene:
        api, dataset = scene.api, scene.dataset
        route = f"evaluationsV2/{made(scene, f'modelRun/{scene.run}/evaluationsV2')['id']}"
        api.delete(f"dataset/{dataset}/refloc/2")
        api.post(f"dataset/{dataset}/append", items=[item("3")])
        api.post(f"dataset/{dataset}/annotate", annotations=[placed("3", "new truth")], update=False)
        api.post(f"modelRun/{scene.run}/predict", annotations=[placed("3", "new", confidence=0.1)], update=False)
        rows = api.post(f"{route}/examples", match_type="FP")["rows"]
        assert [(row["dataset_item_id"], row["model_prediction_id"], row["pred_raw_label"]) for row in rows] == [
            ("", None, "van")
        ]
        assert rows[0]["ground_truth_annotation_id"] is rows[0]["item_metadata"] is None
