"""Models and runs."""

import json

import pytest

from tests.protocols.nucleus.conftest import Api, box


def test_the_same_reference_is_the_same_model(api: Api, model: str, run: str) -> None:
    again = api.post("models/add", name="other", reference_id="net-1", metadata={"a": 1})
    assert again == {"model_id": model}
    shape = {"id": model, "name": "net", "ref_id": "net-1", "bundle_name": None, "metadata": {}}
    shape |= {"tags": [], "trained_slice_ids": []}
    assert api.get("models/") == api.get("models") == {"models": [shape]}
    assert api.get(f"model/{model}") == api.get(f"model/{run}") == shape
    assert api.get(f"model/{model}/modelRun") == [run]


def test_what_a_model_has(api: Api) -> None:
    given = {"name": "n", "reference_id": "r", "metadata": {"a": 1.0}, "tags": ["t"], "bundle_name": "b"}
    model = api.post("models/add", **given, trained_slice_ids=["s"])["model_id"]
    read = api.get(f"model/{model}")
    assert read["metadata"] == {"a": 1.0} and (read["tags"], read["trained_slice_ids"]) == (["t"], ["s"])
    assert api.post(f"model/{model}/tag", tags=["u", "t"]) == {"tags": ["t", "u"]}
    assert api.delete(f"model/{model}/tag", tags=["t", "x"]) == {"tags": ["u"]}
    text = api.error(400, "DELETE", f"model/{model}/tag", {"tags": ["x"]})
    assert text == "Deleted 0 tags from model. The specified tag(s) were not found."
    assert api.post(f"model/{model}/trainedSliceId", trained_slice_ids=["v"]) == {"trained_slice_ids": ["s", "v"]}
    assert api.delete(f"model/{model}/trainedSliceId", trained_slice_ids=["s"]) == {"trained_slice_ids": ["v"]}


def test_a_deleted_model(api: Api, model: str, run: str) -> None:
    api.post(f"modelRun/{run}/predict", annotations=[box("1")])
    assert api.ask("DELETE", f"model/{model}", {}).data == b'{"msg":"Model deletion running in an async job"}'
    for route in (f"model/{model}", f"modelRun/{run}/info"):
        api.error(404, "GET", route)
    (job,) = api.post("jobs/", job_types=["modelDeletion"], show_completed=True)
    assert api.finish(job)["status"] == "Completed"
    assert api.post("models/add", name="net", reference_id="net-1")["model_id"] != model


def test_a_run(api: Api, dataset: str, model: str, run: str) -> None:
    api.post(f"modelRun/{run}/predict", annotations=[box("1"), box("2")])
    assert api.get(f"modelRun/{run}/info") == {
        "model_run_id": run,
        "model_id": model,
        "model_name": "net",
        "name": "first",
        "status": "Created",
        "metadata": {},
        "dataset_id": dataset,
        "match_config": None,
        "stale": False,
        "counts": {"box": 2},
        "matches": None,
        "unmatched_kinds": [],
        "error": None,
    }
    api.delete(f"modelRun/{run}")
    api.error(404, "GET", f"modelRun/{run}/info")
    api.error(404, "DELETE", f"modelRun/{run}", {})


def test_a_run_of_an_unknown_model(api: Api, dataset: str) -> None:
    told = api.post(f"dataset/{dataset}/modelRun/create", name="a", reference_id="none")
    assert told == {"error": "Model with reference_id 'none' doesn't exist.", "status_code": 404}


def test_metadata_comes_back_whatever_is_in_it(api: Api, dataset: str, model: str) -> None:
    metadata = {"\ud800": ["\0", "é", 1.0, 1, 12345678901234567890, None, {"a": [], "b": {}}]}
    given = {"name": "n", "reference_id": "r", "metadata": metadata}
    made = api.post("models/add", **given)["model_id"]
    run = api.post(f"dataset/{dataset}/modelRun/create", **given)["model_run_id"]
    for route in (f"model/{made}", f"modelRun/{run}/info"):
        assert json.dumps(api.get(route)["metadata"]) == json.dumps(metadata)


@pytest.mark.parametrize(
    "body", [{}, {"name": "a"}, {"name": 1, "reference_id": "r"}, {"name": "a", "reference_id": "r", "metadata": []}]
)
def test_bad_models(api: Api, body: object) -> None:
    api.error(400, "POST", "models/add", body)
    assert api.get("models") == {"models": []}
