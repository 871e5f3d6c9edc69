"""Jobs: an upload, put to a signed address, read to its end."""

import json
import time

import pytest

from container.protocols.nucleus.work import UPLOAD_ANNOTATIONS, works
from container.store import annotations, datasets, items, jobs
from container.store.objects import ItemRow
from container.store.store import Store
from tests.protocols.nucleus.conftest import Api, box, item, segmentation

ID = "0123456789abcdef" * 2


def test_items(api: Api, dataset: str) -> None:
    api.upload(dataset, ID, item("2"), item("3"), {"reference_id": "bad"})
    job = api.post(f"dataset/{dataset}/append?async=1", requestId=ID, update=False)
    assert job["job_type"] == "uploadDatasetItems"
    status = api.finish(job)
    counted = {"datasetId": dataset, "total": 3, "new": 1, "updated": 0, "ignored": 1, "errored": 1}
    assert status == {
        "job_id": job["job_id"],
        "status": "Completed",
        "message": {"items_upload": counted},
        "job_progress": "1.00",
        "completed_steps": 1,
        "total_steps": 1,
    }
    assert api.get(f"dataset/{dataset}/size") == {"count": 3}


def test_ground_truth(api: Api, dataset: str) -> None:
    good = [box("1"), box("1"), segmentation("2", "s3://b/m.png")]
    api.upload(dataset, ID, *good, box("nowhere"), "{", "", "[1]")
    job = api.post(f"dataset/{dataset}/annotate?async=1", requestId=ID, update=False)
    counted = {"datasetId": dataset, "total": 6, "processed": 2, "ignored": 1, "errored": 3}
    assert api.finish(job)["message"] == {"annotation_upload": counted}
    errors = api.get(f"job/{job['job_id']}/errors")
    assert len(errors) == 3 and any("Item with id nowhere doesn't exist." in text for text in errors)
    assert api.get(f"job/{job['job_id']}/info") == {**job, "job_last_known_status": "Completed"}
    assert api.get(f"dataset/{dataset}/groundTruth/loc/1/b") == box("1")


@pytest.mark.parametrize("way", ["modelRun/{r}/predict", "dataset/{d}/modelRun/{r}/uploadPredictions"])
def test_predictions(api: Api, dataset: str, run: str, way: str) -> None:
    sent = [box(name, str(i), confidence=0.5) for i in range(1100) for name in "12"]
    api.upload(dataset, ID, *sent)
    route = way.format(r=run, d=dataset)
    job = api.post(f"{route}?async=1", requestId=ID, update=True, trained_slice_id=None)
    assert job["job_last_known_status"] == "Running" and job["job_type"] == "uploadPredictions"
    message = api.finish(job)["message"]["prediction_upload"]
    assert (message["processed"], message["modelRunId"]) == (2200, run)
    assert len(api.get(f"modelRun/{run}/refloc/2")["annotations"]["box"]) == 1100


def test_predictions_of_a_model(api: Api, dataset: str, model: str) -> None:
    api.upload(dataset, ID, box("1", None), box("1", None))
    route = f"dataset/{dataset}/model/{model}"
    api.finish(api.post(f"{route}/uploadPredictions?async=1", requestId=ID))
    names = [one["annotation_id"] for one in api.get(f"{route}/iloc/0")["annotations"]["box"]]
    assert names[1] == f"{names[0]}-2"


def test_the_same_request_is_the_same_job(api: Api, dataset: str) -> None:
    api.upload(dataset, ID, item("3"))
    api.upload(dataset, ID, item("4"))  # sent again: it counts
    jobs = [api.post(f"dataset/{dataset}/append?async=1", requestId=ID) for _ in range(2)]
    api.finish(jobs[0])
    jobs.append(api.post(f"dataset/{dataset}/append?async=1", requestId=ID))
    assert len({job["job_id"] for job in jobs}) == 1
    assert api.get(f"dataset/{dataset}/iloc/2")["item"]["reference_id"] == "4"


def test_nothing_was_uploaded(api: Api, dataset: str) -> None:
    api.error(404, "POST", f"dataset/{dataset}/append?async=1", {"requestId": ID})
    api.error(400, "POST", f"dataset/{dataset}/append?async=1", {})
    api.error(404, "GET", "job/job_none")
    api.error(404, "GET", f"dataset/ds_none/signedUrl/{ID}")


def test_an_empty_upload(api: Api, dataset: str) -> None:
    api.upload(dataset, ID)
    assert api.finish(api.post(f"dataset/{dataset}/annotate?async=1", requestId=ID))["status"] == "Completed"


def test_a_job_whose_dataset_is_deleted_ends(api: Api, dataset: str, run: str) -> None:
    api.upload(dataset, ID, *(box("1", str(i)) for i in range(3000)))
    job = api.post(f"modelRun/{run}/predict?async=1", requestId=ID)
    api.delete(f"modelRun/{run}")
    assert api.finish(job)["status"] in ("Errored", "Completed")
    for one in api.post("jobs/", job_types=["modelRunDeletion"], show_completed=True):
        assert api.finish(one)["status"] == "Completed"


def test_lists(api: Api, dataset: str) -> None:
    api.upload(dataset, ID, item("3"))
    job = api.post(f"dataset/{dataset}/append?async=1", requestId=ID)
    api.finish(job)
    job |= {"job_last_known_status": "Completed"}
    none = {"dataset_id": None, "from_date": None, "to_date": None, "limit": None, "job_types": None}
    assert api.post("jobs/", **none, show_completed=False) == []
    assert api.post("jobs", **none, show_completed=True) == [job]
    assert api.post("jobs/", show_completed=True, dataset_id="ds_other") == []
    assert api.post("jobs/", show_completed=True, job_types=["uploadAnnotations"]) == []
    assert api.post("jobs/", show_completed=True, from_date="2020-01-01", limit=5) == [job]
    assert api.post("jobs/", show_completed=True, to_date="2020-01-01T00:00:00Z") == []
    for wrong in ({"from_date": "soon"}, {"limit": 0}, {"job_types": 7}, {"from_date": 5}):
        api.error(400, "POST", "jobs/", wrong)


def test_a_job_goes_on_behind_its_last_step(store: Store) -> None:
    """Of 3,000 lines every tenth is no object, and the others are the same; another process takes over in between."""
    lines = [json.dumps(box("1", None)) if i % 10 else "[]" for i in range(3000)]
    with store.write() as c:
        dataset = datasets.find(c, datasets.create(c, "streets"))
        row = ItemRow("1", "s3://b/1", '{"reference_id":"1","image_url":"s3://b/1"}')
        items.add(c, dataset.key, [(row, None)], replace=False)
        file, size = store.uploads.receive(["\n".join(lines).encode()])
        parameters = {"dataset": dataset.id, "file": file, "size": size, "replace": False}
        job_id = jobs.create(c, UPLOAD_ANNOTATIONS, dataset.key, parameters)
    for steps in (2, 0, 1):
        lease = jobs.claim(store, f"process {steps}", [UPLOAD_ANNOTATIONS])
        assert lease is not None
        work = works()[UPLOAD_ANNOTATIONS](lease)
        for _ in range(steps):
            next(work)
        work.close()
        lease.release()
    with store.read() as c:
        assert jobs.find(c, job_id).state == {
            "processed": 2700,
            "ignored": 0,
            "errored": 300,
            "offset": size,
            "lines": 3000,
            "derived": True,
        }
        found = annotations.of_item(c, annotations.TRUTH, items.at(c, dataset.key, 0).key)
        names = [json.loads(one.payload)["annotation_id"] for one in found]
    assert len(set(names)) == 2700 and names[-1] == f"{names[0]}-2700"
    store.close()


def test_an_upload_is_taken_by_one_job(api: Api, dataset: str, run: str) -> None:
    """What asks for other work with it is told so, and so is who uploads what no job would read."""
    api.upload(dataset, ID, item("3"))
    url = api.get(f"dataset/{dataset}/signedUrl/{ID}")["signed_url"].partition("/nucleus/")[2]
    job = api.post(f"dataset/{dataset}/append?async=1", requestId=ID, update=False)["job_id"]
    for route in (f"dataset/{dataset}/annotate", f"modelRun/{run}/predict"):
        assert job in api.error(409, "POST", f"{route}?async=1", {"requestId": ID, "update": False})
    assert job in api.error(409, "POST", f"dataset/{dataset}/append?async=1", {"requestId": ID, "update": True})
    assert job in api.error(409, "PUT", url, data=b"{}")


@pytest.mark.parametrize("name", ["..", ".", "a%20b", "a" * 101])
def test_names_that_no_upload_has(api: Api, dataset: str, name: str) -> None:
    api.error(400, "GET", f"dataset/{dataset}/signedUrl/{name}")


def test_a_job_outlives_its_dataset(api: Api) -> None:
    dataset = api.post("dataset/create", name="a")["dataset_id"]
    api.upload(dataset, "r", {"reference_id": "1", "image_url": "s3://b/1.jpg"})
    job = api.post(f"dataset/{dataset}/append?async=1", requestId="r", update=False)
    assert api.finish(job)["status"] == "Completed"
    api.delete(f"dataset/{dataset}")
    end = time.monotonic() + 20
    while api.post("jobs/", job_types=["datasetDeletion"], show_completed=False):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert api.get(f"job/{job['job_id']}")["status"] == "Completed"
