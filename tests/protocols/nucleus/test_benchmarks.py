"""Benchmarks: made of items with ground truth, drafts and versions of them, and everything that is refused."""

from typing import Any

import pytest

from container.protocols.nucleus import benchmarks as module
from container.protocols.nucleus import work
from tests.protocols.nucleus.conftest import Api, box, item

GROUPS = [{"class_name": "vehicle", "labels": ["car", "truck"]}]


@pytest.fixture
def ids(api: Api, dataset: str) -> dict[str, str]:
    """The own ids of the items "1" to "4" of a dataset, of which "4" has no ground truth."""
    api.post(f"dataset/{dataset}/append", items=[item("3"), item("4")])
    api.post(f"dataset/{dataset}/annotate", annotations=[box("1"), box("2"), box("3")], update=False)
    rows = api.get(f"dataset/{dataset}/datasetItems")["dataset_items"]
    return {row["reference_id"]: row["dataset_item_id"] for row in rows}


def make(api: Api, **document: object) -> dict[str, Any]:
    """A benchmark whose job has ended."""
    made = api.post("benchmarks", **{"name": "b", **document})
    if made["job_id"]:
        assert api.finish(api.get(f"job/{made['job_id']}/info"))["status"] == "Completed"
    return dict(api.get(f"benchmarks/{made['benchmark_id']}"))


def test_a_benchmark_of_items_that_have_ground_truth(api: Api, dataset: str, ids: dict[str, str]) -> None:
    made = make(
        api,
        item_ids=[ids["2"], ids["4"], ids["2"]],
        items=[{"dataset_id": dataset, "ref_id": "1"}],
        metadata={"a": 1.50},
    )
    assert made.pop("created_at").startswith("20")
    assert made == {
        "benchmark_id": made["benchmark_id"],
        "name": "b",
        "description": None,
        "metadata": {"a": 1.5},
        "created_by_user_id": None,
        "item_count": 2,
        "dataset_count": 1,
        "skipped_items_without_ground_truth": 1,
        "status": "ready",
        "parent_benchmark_id": None,
        "version_major": 1,
        "version_minor": 0,
        "version_label": None,
        "rollup_groups": None,
        "allowed_label_matches_id": None,
        "class_agnostic": None,
    }
    route = f"benchmarks/{made['benchmark_id']}"
    assert api.get(f"{route}/items") == {"item_ids": [ids["1"], ids["2"]], "total": 2}
    assert api.get(f"{route}/items?limit=1&offset=1") == {"item_ids": [ids["2"]], "total": 2}
    assert api.get(f"{route}/items?offset=2")["item_ids"] == []
    whole = make(api, dataset_id=dataset, item_ids=[ids["4"]])
    assert (whole["item_count"], whole["skipped_items_without_ground_truth"]) == (3, 1)
    assert [one["benchmark_id"] for one in api.get("benchmarks")] == [whole["benchmark_id"], made["benchmark_id"]]
    assert [one["item_count"] for one in api.get("benchmarks")] == [3, 2]


def test_a_draft(api: Api, dataset: str, ids: dict[str, str]) -> None:
    made = api.post("benchmarks", name="d", draft=True)
    route = f"benchmarks/{made['benchmark_id']}"
    assert made == {"benchmark_id": made["benchmark_id"], "name": "d", "job_id": None}
    assert (api.get(route)["status"], api.get(route)["item_count"]) == ("draft", 0)
    assert "ground truth" in api.error(400, "POST", f"{route}/finalize", {})
    added = api.post(f"{route}/items", dataset_ids=[dataset])
    assert api.get(f"job/{added['job_id']}")["status"] == "Completed"
    assert api.delete(f"{route}/items", item_ids=[ids["1"], "di_none"]) == {"benchmark_id": made["benchmark_id"]}
    changed = api.ask("PATCH", route, {"rollupGroups": GROUPS, "description": "of cars"}).json or {}
    assert (changed["rollup_groups"], changed["description"], changed["item_count"]) == (GROUPS, "of cars", 2)
    assert (api.ask("PATCH", route, {"allowed_label_matches_id": None}).json or {})["rollup_groups"] is None
    assert (api.ask("PATCH", route, {"class_agnostic": True}).json or {})["class_agnostic"] is True
    assert api.post(f"{route}/finalize")["status"] == "ready"
    for method, end, document in [
        ("POST", "/finalize", {}),
        ("POST", "/items", {"dataset_id": dataset}),
        ("DELETE", "/items", {"item_ids": []}),
        ("PATCH", "", {"rollupGroups": GROUPS}),
    ]:
        assert "no draft" in api.error(409, method, route + end, document)
    assert (api.ask("PATCH", route, {"name": "e", "metadata": None}).json or {})["name"] == "e"


def test_versions(api: Api, dataset: str, ids: dict[str, str]) -> None:
    first = make(api, dataset_id=dataset, rollupGroups=GROUPS, version_label="rc1")["benchmark_id"]
    api.post(f"dataset/{dataset}/annotate", annotations=[box("4")], update=False)
    child = make(api, parent_benchmark_id=first, item_ids=[ids["4"]], removed_item_ids=[ids["1"], ids["2"], "di_none"])
    assert api.get(f"benchmarks/{child['benchmark_id']}/items")["item_ids"] == [ids["3"], ids["4"]]
    told = (child["version_major"], child["version_minor"], child["version_label"], child["parent_benchmark_id"])
    assert told == (1, 1, None, first) and child["rollup_groups"] == GROUPS
    for document, version in [
        ({"bump_type": "major"}, (2, 0)),
        ({"version_major": 3, "version_minor": 4}, (3, 4)),
        ({"class_agnostic": False}, (1, 1)),
    ]:
        one = make(api, parent_benchmark_id=first, **document)
        assert (one["version_major"], one["version_minor"], one["item_count"]) == (*version, 3)
    assert (one["class_agnostic"], one["rollup_groups"]) == (False, None)
    draft = api.post("benchmarks", name="d", draft=True)["benchmark_id"]
    assert "is draft" in api.error(409, "POST", "benchmarks", {"name": "x", "parent_benchmark_id": draft})
    assert make(api, draft=True, parent_benchmark_id=first)["status"] == "draft"
    api.delete(f"benchmarks/{first}")
    assert api.get(f"benchmarks/{child['benchmark_id']}")["parent_benchmark_id"] is None


def test_large_ones_are_filled_by_a_job(
    api: Api, dataset: str, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for where, name, value in [(module, "AT_ONCE", 1), (module, "STEP_OBJECTS", 1), (work, "STEP_OBJECTS", 2)]:
        monkeypatch.setattr(where, name, value)
    made = make(api, dataset_id=dataset)
    assert (made["status"], made["item_count"], made["skipped_items_without_ground_truth"]) == ("ready", 3, 1)
    child = make(api, parent_benchmark_id=made["benchmark_id"], removed_item_ids=[ids["2"], ids["4"]])
    assert api.get(f"benchmarks/{child['benchmark_id']}/items")["item_ids"] == [ids["1"], ids["3"]]
    empty = str(api.post("dataset/create", name="e")["dataset_id"])
    api.post(f"dataset/{empty}/append", items=[item("1"), item("2")])
    failed = api.post("benchmarks", name="f", dataset_id=empty)
    status = api.finish(api.get(f"job/{failed['job_id']}/info"))
    assert status["status"] == "Errored" and "ground truth" in status["message"]["error"]
    assert api.get(f"benchmarks/{failed['benchmark_id']}")["status"] == "failed"
    draft = make(api, draft=True, dataset_id=dataset)
    assert (draft["status"], draft["item_count"]) == ("draft", 3)


def test_items_that_are_gone(api: Api, dataset: str, ids: dict[str, str]) -> None:
    made = make(api, dataset_id=dataset)["benchmark_id"]
    api.delete(f"dataset/{dataset}/refloc/1")
    assert api.get(f"benchmarks/{made}/items")["total"] == 2
    api.delete(f"dataset/{dataset}")
    assert api.get(f"benchmarks/{made}/items") == {"item_ids": [], "total": 0}
    api.delete(f"benchmarks/{made}")
    for method in ("GET", "PATCH", "DELETE"):
        assert made in api.error(404, method, f"benchmarks/{made}", {})
    (job,) = api.post("jobs/", job_types=["benchmarkDeletion"], show_completed=True)
    assert api.finish(job)["status"] == "Completed"


WRONG: list[tuple[int, str, dict[str, object]]] = [
    (400, "name", {"name": None}),
    (400, "name", {"name": ""}),
    (400, "no items are named", {}),
    (400, "colour", {"colour": "red"}),
    (400, "item_ids", {"item_ids": "di_1"}),
    (400, "item_ids", {"item_ids": [1]}),
    (404, "di_none", {"item_ids": ["di_none"]}),
    (404, "ds_none", {"dataset_id": "ds_none"}),
    (404, "ds_none", {"items": [{"dataset_id": "ds_none", "ref_id": "1"}]}),
    (400, "ref_id", {"items": [{"dataset_id": "ds_none"}]}),
    (400, "items", {"items": [1]}),
    (400, "reference", {"items": [{"reference": "1"}]}),
    (404, "'nine'", {"items": [{"dataset_id": "DATASET", "ref_id": "nine"}]}),
    (501, "slice_id", {"slice_id": "slc_1"}),
    (501, "slice_ids", {"slice_ids": ["slc_1"]}),
    (400, "draft", {"draft": 1}),
    (400, "metadata", {"draft": True, "metadata": []}),
    (400, "description", {"draft": True, "description": 1}),
    (400, "ground truth", {"items": [{"dataset_id": "DATASET", "ref_id": "4"}]}),
    (400, "parent_benchmark_id", {"draft": True, "removed_item_ids": []}),
    (404, "bm_none", {"parent_benchmark_id": "bm_none"}),
    (400, "bump_type", {"draft": True, "bump_type": "huge"}),
    (400, "bump_type", {"draft": True, "version_major": 2}),
    (400, "bump_type", {"draft": True, "version_major": 2, "version_minor": 0, "bump_type": "major"}),
    (400, "version_minor", {"draft": True, "version_major": 2, "version_minor": -1}),
    (400, "two things", {"draft": True, "rollupGroups": GROUPS, "class_agnostic": False}),
    (501, "allowed_label_matches_id", {"draft": True, "allowed_label_matches_id": "alm_1"}),
    (400, "class_agnostic", {"draft": True, "class_agnostic": "yes"}),
    (400, "twice", {"draft": True, "rollupGroups": GROUPS, "rollup_groups": GROUPS}),
]


def test_what_makes_no_benchmark(api: Api, dataset: str, ids: dict[str, str]) -> None:
    for status, said, document in WRONG:
        pairs = document.get("items")
        if isinstance(pairs, list) and isinstance(pairs[0], dict) and pairs[0].get("dataset_id") == "DATASET":
            document = {"items": [{**pairs[0], "dataset_id": dataset}]}
        assert said in api.error(status, "POST", "benchmarks", {"name": "b", **document}), document
    assert api.get("benchmarks") == []
    parent = make(api, dataset_id=dataset)["benchmark_id"]
    low = {"name": "b", "parent_benchmark_id": parent, "version_major": 1, "version_minor": 0}
    assert "not above" in api.error(400, "POST", "benchmarks", low)
    draft = api.post("benchmarks", name="d", draft=True)["benchmark_id"]
    for status, said, method, route, body in [
        (400, "no items are named", "POST", f"{draft}/items", {}),
        (501, "scene_ids", "POST", f"{draft}/items", {"scene_ids": ["scn_1"]}),
        (400, "parent", "POST", f"{draft}/items", {"parent_benchmark_id": parent}),
        (400, "item_ids", "DELETE", f"{draft}/items", {"item_ids": 1}),
        (400, "force", "POST", f"{draft}/finalize", {"force": True}),
        (400, "name", "PATCH", draft, {"name": None}),
        (400, "status", "PATCH", draft, {"status": "ready"}),
        (400, "limit", "GET", f"{draft}/items?limit=0", None),
        (400, "offset", "GET", f"{draft}/items?offset=-1", None),
        (404, "bm_none", "GET", "bm_none/items", None),
    ]:
        assert said in api.error(status, method, f"benchmarks/{route}", body), (method, route, body)
