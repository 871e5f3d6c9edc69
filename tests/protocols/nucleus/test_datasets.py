"""Datasets, items and ground truth."""

import io
import json
import threading
from typing import Any

import pytest

from container.protocols.nucleus import appending, replies
from container.store.store import Store
from tests.protocols.nucleus.conftest import Api, box, item, segmentation


def test_what_a_dataset_is(api: Api, dataset: str, run: str) -> None:
    assert api.get("dataset/details") == [{"id": dataset, "name": "streets", "is_public": False}]
    assert api.get("dataset/") == api.get("dataset") == [dataset]
    facts = {"name": "streets", "is_scene": False, "use_privacy_mode": False}
    assert {fact: api.get(f"dataset/{dataset}/{fact}") for fact in facts} == {key: {key: facts[key]} for key in facts}
    assert api.get(f"dataset/{dataset}/size") == {"count": 2}
    assert api.get(f"dataset/{dataset}/slices") == []
    assert api.get(f"dataset/{dataset}/info") == {
        "dataset_id": dataset,
        "name": "streets",
        "length": 2,
        "model_run_ids": [run],
        "slice_ids": [],
        "annotation_metadata_schema": None,
        "item_metadata_schema": None,
        "tags": [],
    }


def test_tags(api: Api, dataset: str) -> None:
    for method, tags, left in [("POST", "ab", "ab"), ("POST", "bc", "abc"), ("DELETE", "ax", "bc"), ("GET", "", "bc")]:
        assert api.ask(method, f"dataset/{dataset}/tags", {"tags": [*tags]}).json == {"tags": [*left]}


def test_taxonomies(api: Api, dataset: str) -> None:
    def add(labels: list[str], update: bool) -> Any:
        given = {"taxonomy_name": "time", "type": "category", "labels": labels, "update": update}
        return api.ask("POST", f"dataset/{dataset}/add_taxonomy", given)

    done = add(["day"], False).json
    assert done == {"dataset_id": dataset, "taxonomy_name": "time", "status": "created"}
    assert add(["night"], False).status_code == 400
    assert (add(["night"], True).json or {})["status"] == "updated"


def test_a_deleted_dataset_is_gone_at_once_and_its_job_ends(api: Api, dataset: str, run: str) -> None:
    api.post(f"dataset/{dataset}/annotate", annotations=[box("1")])
    api.post(f"modelRun/{run}/predict", annotations=[box("1")])
    answer = api.ask("DELETE", f"dataset/{dataset}", {})
    assert answer.data == b'{"message":"Beginning dataset deletion..."}'
    for route in (f"dataset/{dataset}/name", f"modelRun/{run}/info"):
        api.error(404, "GET", route)
    (job,) = api.post("jobs/", job_types=["datasetDeletion"], show_completed=True)
    assert api.finish(job)["status"] == "Completed"


def test_uploads_of_a_deleted_dataset_are_removed(api: Api, store: Store, dataset: str) -> None:
    url = api.get(f"dataset/{dataset}/signedUrl/late")["signed_url"].partition("/nucleus/")[2]
    api.upload(dataset, "waits", item("3"))
    assert len([*store.uploads.folder.iterdir()]) == 1
    api.delete(f"dataset/{dataset}")
    (job,) = api.post("jobs/", job_types=["datasetDeletion"], show_completed=True)
    api.finish(job)
    assert [*store.uploads.folder.iterdir()] == []
    api.error(404, "PUT", url, data=b"{}")


def test_items_are_added_ignored_and_replaced(api: Api, dataset: str) -> None:
    route = f"dataset/{dataset}/append"
    counts = {"dataset_id": dataset, "new_items": 1, "updated_items": 0, "ignored_items": 1, "upload_errors": 0}
    new = [item("1", metadata={"sun": 1.50}), item("ü/3")]
    assert api.post(route, items=new) == counts
    counts |= {"new_items": 0, "updated_items": 2, "ignored_items": 0}
    assert api.post(route, items=new, update=True) == counts
    read = api.get(f"dataset/{dataset}/iloc/0")
    assert read["annotations"] == {} and read["item"].pop("dataset_item_id").startswith("di_")
    assert read["item"] == new[0]
    done = api.post(route, items=[{"reference_id": "5"}, item("4")])
    assert (done["new_items"], done["upload_errors"], len(done["error_payload"])) == (1, 1, 1)
    assert [one["reference_id"] for one in api.get(f"dataset/{dataset}/datasetItems")["dataset_items"]] == [
        *("1", "2", "ü/3", "4")
    ]


def test_pages_of_items(api: Api, dataset: str) -> None:
    api.post(f"dataset/{dataset}/append", items=[item(name) for name in "345"])
    for route, key in (("itemsPage", "items"), ("exportForTrainingPage", "data")):
        found, token = [], None
        while True:
            page = api.post(f"dataset/{dataset}/{route}", pageSize=2, pageToken=token, query=None, chip=False)
            found += [one.get("item", one)["reference_id"] for one in page[key]]
            token = page["nextPageToken"]
            if token is None:
                break
        assert found == [*"12345"]
        page = api.post(f"dataset/{dataset}/{route}", pageSize=5)
        assert len(page[key]) == 5 and page["nextPageToken"] is None
        api.error(400, "POST", f"dataset/{dataset}/{route}", {"pageToken": "x"})
        api.error(400, "POST", f"dataset/{dataset}/{route}", {"pageSize": 0})


@pytest.mark.parametrize("later", [False, True])
def test_pictures_are_kept(api: Api, dataset: str, later: bool) -> None:
    sent = [item("a b", image_url="/tmp/é.jpg", update=False), item("c", image_url="/tmp/c.jpg", update=False)]
    files = [(io.BytesIO(name.encode()), f"%2Ftmp%2F{name}.jpg", "image/jpg") for name in "éc"]
    route = f"dataset/{dataset}/append" + ("?async=1" if later else "")
    answer = api.ask("POST", route, data={"items": json.dumps(sent), "image": files}).json or {}
    if later:
        assert api.finish(answer)["message"]["items_upload"]["new_items"] == 2
    else:
        assert (answer["new_items"], answer["dataset_id"]) == (2, dataset)
    read = api.get(f"dataset/{dataset}/refloc/c")["item"]
    assert read["image_url"] == "/tmp/c.jpg"
    with api.client.get(read["processed_url"]) as picture:
        assert (picture.data, picture.mimetype) == (b"c", "image/jpg")


def test_metadata_is_merged(api: Api, dataset: str) -> None:
    api.post(f"dataset/{dataset}/append", items=[item("1", metadata={"a": 1, "b": 2})], update=True)
    given = [{"reference_id": "1", "metadata": {"b": 3.5, "é": None}}, {"reference_id": "x", "metadata": {}}]
    done = api.post(f"dataset/{dataset}/metadata?async=0", metadata=given, level="item")
    assert done == {"dataset_id": dataset, "processed": 1, "errors": done["errors"]} and "x" in done["errors"][0]
    assert api.get(f"dataset/{dataset}/refloc/1")["item"]["metadata"] == {"a": 1, "b": 3.5, "é": None}
    job = api.post(f"dataset/{dataset}/metadata?async=1", metadata=given[:1], level="item")
    assert api.finish(job)["status"] == "Completed"
    api.error(400, "POST", f"dataset/{dataset}/metadata", {"metadata": given, "level": "scene"})
    api.error(400, "POST", f"dataset/{dataset}/metadata", {"metadata": [7]})


def test_a_deleted_item_moves_the_numbers_behind_it(api: Api, dataset: str) -> None:
    api.post(f"dataset/{dataset}/annotate", annotations=[box("1")])
    api.delete(f"dataset/{dataset}/refloc/1")
    assert api.get(f"dataset/{dataset}/iloc/0")["item"]["reference_id"] == "2"
    api.error(404, "DELETE", f"dataset/{dataset}/refloc/1", {})


def test_ground_truth(api: Api, dataset: str) -> None:
    many = {"type": "multicategory", "labels": ["a", "b"], "geometry": {}, "reference_id": "1"}
    done = api.post(
        f"dataset/{dataset}/annotate",
        annotations=[box("1"), many, box("unknown")],
        segmentations=[segmentation("1", "gs://b/m.png")],
        update=False,
    )
    assert (done["annotations_processed"], done["annotations_ignored"], done["dataset_id"]) == (3, 0, dataset)
    assert len(done["errors"]) == 1
    kinds = {"box": [box("1")], "multicategory": [many], "segmentation": [segmentation("1", "gs://b/m.png")]}
    item_id = api.get(f"dataset/{dataset}/iloc/0")["item"]["dataset_item_id"]
    for route in ("iloc/0", "refloc/1", f"loc/{item_id}"):
        assert api.get(f"dataset/{dataset}/{route}")["annotations"] == kinds
    assert api.get(f"dataset/{dataset}/groundTruth/loc/1/b") == box("1")
    first, second = api.get(f"dataset/{dataset}/exportForTraining")["exportedRows"]
    assert first["box"] == [box("1")] and first["segmentation"] == kinds["segmentation"][0]
    lists = {"box", "line", "polygon", "keypoints", "cuboid", "category", "multicategory"}
    assert set(second) == {"item", "segmentation", *lists} and second["segmentation"] is None
    assert all(second[kind] == [] for kind in lists)


def test_ground_truth_is_deleted(api: Api, dataset: str) -> None:
    def left() -> list[str]:
        rows = api.get(f"dataset/{dataset}/exportForTraining")["exportedRows"]
        return [one["reference_id"] for row in rows for one in row["box"]]

    api.post(f"dataset/{dataset}/annotate", annotations=[box("1"), box("1", "c"), box("2")])
    status = api.finish(api.delete(f"annotation/{dataset}", reference_ids=["1", "x"], keep_history=False))
    assert status["message"]["annotation_deletion"]["deleted"] == 2 and left() == ["2"]
    api.finish(api.delete(f"annotation/{dataset}", reference_ids=[], keep_history=True))
    assert left() == []


@pytest.mark.parametrize(
    ("method", "route", "body"),
    [
        ("GET", "dataset/ds_none/info", None),
        ("GET", "dataset/{d}/iloc/2", None),
        ("GET", "dataset/{d}/iloc/-1", None),
        ("GET", "dataset/{d}/loc/di_none", None),
        ("GET", "dataset/{d}/refloc/none", None),
        ("GET", "dataset/{d}/groundTruth/loc/1/none", None),
        ("GET", "dataset/{d}/groundTruth/loc/1", None),
        ("POST", "dataset/ds_none/annotate", {"annotations": []}),
        ("POST", "dataset/ds_none/append", {"items": []}),
        ("DELETE", "dataset/ds_none", {}),
        ("DELETE", "annotation/ds_none", {}),
        ("GET", "dataset/{d}/model/prj_none/export", None),
    ],
)
def test_unknown_names(api: Api, dataset: str, method: str, route: str, body: object) -> None:
    api.error(404, method, route.format(d=dataset), body)


@pytest.mark.parametrize(
    ("method", "route", "body", "status"),
    [
        ("POST", "dataset/create", {"name": "a", "is_scene": True}, 501),
        ("POST", "dataset/{d}/queryObjectsPage", {"patch_mode": "iou", "model_run_id": "run_1"}, 404),
        ("POST", "dataset/{d}/queryObjectsPage", {"patch_mode": "ground_truth_only", "query": "a > 1"}, 501),
        ("POST", "dataset/{d}/queryObjectsPage", {"patch_mode": "other"}, 400),
        ("GET", "dataset/{d}/iloc/x", None, 400),
        ("GET", "dataset/{d}/signedUrl/a%20b", None, 400),
        ("POST", "dataset/{d}/tags", {"tags": "a"}, 400),
    ],
)
def test_refused(api: Api, dataset: str, method: str, route: str, body: object, status: int) -> None:
    api.error(status, method, route.format(d=dataset), body)


def test_ground_truth_of_a_page(api: Api, dataset: str) -> None:
    api.post(f"dataset/{dataset}/annotate", annotations=[box("2"), box("1")])
    page = api.post(f"dataset/{dataset}/queryObjectsPage", patch_mode="ground_truth_only", query="")
    assert page["items"] == [box("1"), box("2")]


def test_long_answers_leave_connections_to_others(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = api.post("dataset/create", name="a")["dataset_id"]
    monkeypatch.setattr(replies, "_STREAMS", threading.BoundedSemaphore(1))
    for _ in range(3):  # each gives its place back, whatever becomes of it
        assert api.get(f"dataset/{dataset}/datasetItems") == {"dataset_items": []}
        api.error(404, "GET", "dataset/ds_none/datasetItems")
        api.client.head(f"/v1/nucleus/dataset/{dataset}/datasetItems").close()
    with replies._STREAMS:
        assert "are being sent already" in api.error(503, "GET", f"dataset/{dataset}/datasetItems")
        assert api.get(f"dataset/{dataset}/size") == {"count": 0}


def test_metadata_grows_to_a_limit(api: Api, dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = [{"reference_id": "1", "metadata": {name: "x" * 400_000}} for name in "abc"]
    done = api.post(f"dataset/{dataset}/metadata", metadata=given)
    assert done["processed"] == 2 and done["errors"] == ["Item with id '1' would be over 1 MB with this metadata."]
    assert [*api.get(f"dataset/{dataset}/refloc/1")["item"]["metadata"]] == ["a", "b"]
    for limit, value in [("MAX_MERGED", 2), ("MAX_MERGED_SIZE", 10)]:
        with monkeypatch.context() as patch:
            patch.setattr(appending, limit, value)
            few = [{"reference_id": "2", "metadata": {"new": 1}}] * 3
            assert "split it" in api.error(413, "POST", f"dataset/{dataset}/metadata", {"metadata": few})
    assert api.get(f"dataset/{dataset}/refloc/2")["item"]["metadata"] == {}
