"""What newer clients have: runs that span datasets, predictions of a model without a run, and limited keys."""

from typing import Any

import nucleus
import requests
from judging import ENDPOINT, KEY, PLAN, VERSION, Checks, ask, by_kind, connect, counted, dataset_of, item_id, model_of
from samples import box, mask, polygon


def spanning(checks: Checks) -> None:
    """A run of two datasets that have an item of the same name."""
    if VERSION < (0, 21):
        return
    client = connect()
    model = model_of(client, "spanning")
    datasets = [dataset_of(client, f"spanning {i}", ["same", f"own {i}"]) for i in range(2)]
    ids = [item_id(dataset, 0) for dataset in datasets]
    run = model.create_run(name="spanning", metadata={"é": 1})
    checks.same(
        "its info", [run.info()[key] for key in ("name", "metadata", "model_id")], ["spanning", {"é": 1}, model.id]
    )
    by_id = [box(None, f"by id {i}", dataset_item_id=one) for i, one in enumerate(ids)]
    by_names = [box("same", f"by names {i}", dataset_id=dataset.id) for i, dataset in enumerate(datasets)]
    checks.same("by ids of items", run.add_predictions(by_id), counted(run.model_run_id, 2))
    checks.same("by two names", run.add_predictions(by_names), counted(run.model_run_id, 2))
    checks.same("again", run.add_predictions(by_id + by_names), counted(run.model_run_id, 0, 4))
    for i, one in enumerate(ids):
        labels = [[found.annotation_id, found.reference_id] for found in run.loc(one)["box"]]
        checks.same(f"item {i}", labels, [[f"by id {i}", "same"], [f"by names {i}", "same"]])
    more = [box("same", "more"), mask("same", "m", "s3://b/1.png"), polygon("own 1", "p")]
    upload = datasets[1].upload_predictions_for_model_run
    wanted = {"dataset_id": datasets[1].id, **counted(run.model_run_id, 3)}
    checks.same("of a dataset", upload(run.model_run_id, more), wanted)
    checks.same("of the other one nothing", len(run.loc(ids[0])["box"]), 2)
    checks.same("read", run.loc(item_id(datasets[1], 1)), by_kind([more[2]]))
    job = upload(run.model_run_id, [box("own 1", "job"), box("own 0", "other")], asynchronous=True)
    job.sleep_until_complete(verbose_std_out=False)
    checks.holds("by a job", "Item with id own 0 doesn't exist." in "".join(job.errors()), job.errors())
    for dataset in datasets:
        checks.same(f"a run of {dataset.name}", dataset.model_runs, [run.model_run_id])
    bound = model.create_run("bound", datasets[0], [box("same", "bound")])
    upload(bound.model_run_id, [box("same", "grown")])
    found = [[one.annotation_id for one in bound.loc(item)["box"]] for item in ids]
    checks.same("a bound run grows", found, [["bound"], ["grown"]])
    wrong = [
        box(None, "x", dataset_item_id="di_nothing"),
        box("nowhere", "x", dataset_id=datasets[0].id),
        box("same", "x"),
    ]
    answer = ask("POST", f"modelRun/{run.model_run_id}/uploadPredictions", json=payload(wrong))
    checks.same("items that are not there, or not one", len(answer.json().get("errors", [])), 3)
    with_run = model.create_run("with predictions", predictions=[box(None, "x", dataset_item_id=ids[0])])
    if VERSION >= (0, 22):
        made = [run.model_run_id, bound.model_run_id, with_run.model_run_id]
        checks.same("runs of the model", sorted(model.model_runs()), sorted(made))
    checks.same("made with predictions", [one.annotation_id for one in with_run.loc(ids[0])["box"]], ["x"])


def payload(objects: list[Any]) -> dict[str, Any]:
    """What the client sends for objects."""
    return {"update": False, "annotations": [one.to_payload() for one in objects]}


def of_models(checks: Checks) -> None:
    """Predictions of a model and an item."""
    if VERSION < (0, 22):
        return
    client = connect()
    model = model_of(client, "of models")
    name = f"only here {model.id}"
    dataset = dataset_of(client, "of models", [name, f"{name}/é"])
    objects = [box(name, "1", confidence=0.5), polygon(f"{name}/é", "2"), polygon(name, "3")]
    reply = {"model_id": model.id, "predictions_processed": 3, "predictions_ignored": 0}
    checks.same("counts", model.upload_predictions(objects), reply)
    again = {**reply, "predictions_processed": 0, "predictions_ignored": 3}
    checks.same("again", model.upload_predictions(objects), again)
    checks.same("update", model.upload_predictions(objects, update=True), reply)
    wanted = by_kind([objects[0], objects[2]])
    checks.same("by name", model.predictions_refloc(name), wanted)
    checks.same("by a name with a slash", model.predictions_refloc(f"{name}/é"), by_kind([objects[1]]))
    checks.same("by id", model.predictions_loc(item_id(dataset, 0)), wanted)
    checks.same("by number", model.predictions_iloc(0), wanted)
    item = box(None, "4", dataset_item_id=item_id(dataset, 1))
    checks.same("by the item's id", model.upload_predictions([item]), {**reply, "predictions_processed": 1})
    found = model.predictions_loc(item_id(dataset, 1))["box"]
    checks.same("read by it", [[one.annotation_id, one.reference_id] for one in found], [["4", f"{name}/é"]])
    told = model.upload_predictions([mask(name, "m", "s3://b/1.png")])
    checks.same("other kinds are told", len(told["errors"]), 1)


def keys(checks: Checks) -> None:
    """The key as the name of a user, and as a limited key; a wrong one is told."""
    dataset = dataset_of(connect(), "keys", ["a"])
    limited = nucleus.NucleusClient(limited_access_key=KEY, endpoint=ENDPOINT)
    checks.same("a limited key", limited.get_dataset(dataset.id).size, 1)
    model = model_of(limited, "keys")
    reply = limited.get_dataset(dataset.id).upload_predictions(model, [box("a", "1")])
    checks.same("its upload", reply["predictions_processed"], 1)
    if not PLAN["locked"]:
        return
    for name, fields in (("a key", {"api_key": "wrong"}), ("a limited key", {"limited_access_key": "wrong"})):
        wrong = nucleus.NucleusClient(endpoint=ENDPOINT, **fields)
        checks.raises(f"wrong: {name}", "NucleusAPIError 401", '{"error":"', wrong.get_dataset(dataset.id).info)
    answer = requests.get(f"{ENDPOINT}/dataset/{dataset.id}/info", timeout=60)
    checks.same("none", [answer.status_code, list(answer.json())], [401, ["error"]])
