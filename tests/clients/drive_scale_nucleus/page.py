"""The client's page on model runs: its snippet as it is printed, models, runs, and what it says of them."""

import textwrap

import nucleus
import nucleus.model_run
from judging import ENDPOINT, KEY, NAME, VERSION, Checks, ask, connect, counted, dataset_of, model_of
from samples import METADATA, box

RUN_FREE = VERSION >= (0, 22)  # the page's snippet uploads to the model itself, too


def snippet(checks: Checks) -> None:
    """Run the code of the module's docstring on items "1" and "2"; it is led here by NUCLEUS_ENDPOINT."""
    client = connect()
    dataset = dataset_of(client, "page", "12")
    text = nucleus.model_run.__doc__ or ""
    code = textwrap.dedent("\n".join(line for line in text.splitlines() if line.startswith("    ")))
    names = {"YOUR_SCALE_API_KEY": KEY, "dataset": dataset}
    exec(code, names)
    model, response = names["model"], names["response"]
    assert isinstance(model, nucleus.Model) and isinstance(response, dict)
    run_id = response["model_run_id"]
    ids = {"dataset_id": dataset.id, "model_run_id": run_id}
    checks.same("its response", response, {**ids, "predictions_processed": 2, "predictions_ignored": 0})
    sent = [names["prediction_1"], names["prediction_2"]]
    again = dataset.upload_predictions(model, sent)
    checks.same("again", again, {**ids, "predictions_processed": 0, "predictions_ignored": 2})
    run = nucleus.model_run.ModelRun(model_run_id=run_id, dataset_id=dataset.id, client=client)
    for position, one in enumerate(sent):
        checks.same(f"{position} by the run", run.refloc(one.reference_id), {"box": [one]})
        checks.same(f"{position} by the model", dataset.predictions_iloc(model, position), {"box": [one]})
        if RUN_FREE:
            checks.same(f"{position} run-free", model.predictions_refloc(one.reference_id), {"box": [one]})
    checks.same("its run alone", dataset.model_runs, [run_id])
    info = run.info()
    checks.same("model of the run", [info["model_id"], info["model_name"]], [model.id, "My Model"])
    checks.same("what else is told", [info["dataset_id"], info["stale"]], [dataset.id, False])
    checks.same("endpoint", [client.endpoint, names["client"].endpoint], [ENDPOINT, ENDPOINT])
    client.delete_dataset(dataset.id)  # the next version's "1" and "2" are the only ones


def models(checks: Checks) -> None:
    client = connect()
    reference = f"{NAME} CNN/é"
    model = client.create_model("My Model", reference, metadata=METADATA, tags=["a", "ö"])
    checks.holds("its id", model.id.startswith("prj_"), model.id)
    checks.same("same reference_id", client.create_model("Other", reference, metadata={"a": 1}).id, model.id)
    other = client.create_model("My Model", reference + "2", metadata={"timestamp": "121012401"})
    checks.holds("other reference_id", other.id != model.id)
    found = {one.id: one for one in client.models}
    for name, one in (("listed", found[model.id]), ("by id", client.get_model(model_id=model.id))):
        checks.same(
            f"fields, {name}",
            [one.id, one.name, one.reference_id, one.metadata, sorted(one.tags)],
            [model.id, "My Model", reference, METADATA, ["a", "ö"]],
        )
    checks.same("metadata of the other", found[other.id].metadata, {"timestamp": "121012401"})
    checks.raises("unknown model", "NucleusAPIError 404", '{"error":"', client.get_model, model_id="prj_nothing")


def runs(checks: Checks) -> None:
    client = connect()
    dataset, model = dataset_of(client, "runs", ["a", "b"]), model_of(client, "runs")
    implicit = dataset.upload_predictions(model, [box("a", "implicit")])["model_run_id"]
    night = dataset.create_model_run("night", reference_id=model.reference_id, metadata=METADATA)
    second = model.create_run("second", dataset, [box("a", "second"), box("b", "second")], metadata={"n": 1})
    empty = model.create_run("empty", dataset, [])
    ids = [implicit, night.model_run_id, second.model_run_id, empty.model_run_id]
    checks.same("four runs", len(set(ids)), 4)
    checks.same("runs of the dataset", sorted(dataset.model_runs), sorted(ids))
    checks.same("and in its info", sorted(dataset.info().model_run_ids), sorted(ids))
    checks.same("predict nothing", night.predict([]), {})
    for run, name, metadata in ((night, "night", METADATA), (second, "second", {"n": 1}), (empty, "empty", {})):
        info = run.info()
        told = [info[key] for key in ("model_id", "name", "metadata", "status", "dataset_id", "model_name")]
        checks.same(f"info of {name}", told, [model.id, name, metadata, "Created", dataset.id, model.name])
    checks.same("predict", night.predict([box("a", "night")]), counted(night.model_run_id, 1))
    checks.same("the model of a run", client.get_model(model_run_id=night.model_run_id).id, model.id)
    implicit_run = client.get_model_run(implicit, dataset.id)
    for name, run in (("implicit", implicit_run), ("night", night), ("second", second)):
        checks.same(f"apart: {name}", run.refloc("a"), {"box": [box("a", name)]})
    checks.same("apart: by the model", dataset.predictions_refloc(model, "a"), {"box": [box("a", "implicit")]})
    checks.same("apart: nothing", empty.refloc("a"), {"annotations": {}})
    create = dataset.create_model_run
    checks.raises("unknown reference_id", "ModelRunCreationError", "nowhere", create, "x", reference_id="nowhere")
    unlisted(checks, client, dataset)


def unlisted(checks: Checks, client: nucleus.NucleusClient, dataset: nucleus.Dataset) -> None:
    """What is not here is said in words."""
    checks.raises("slices", "NucleusAPIError 501", '{"error":"not implemented: POST', dataset.create_slice, "a", ["a"])
    checks.raises("unknown run", "NucleusAPIError 404", "run_nothing", client.get_model_run("run_nothing", "").info)
    for route in ("modelRun/run_nothing/nowhere", "nowhere", "dataset/details/3/4/5"):
        answer = ask("POST", route, json={})
        checks.same(
            f"unlisted {route}",
            [answer.status_code, answer.headers["Content-Type"], answer.text],
            [501, "application/json", f'{{"error":"not implemented: POST {route}"}}'],
        )
