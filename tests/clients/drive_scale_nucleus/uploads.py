"""Uploads in batches and by jobs, and the jobs themselves."""

import json
import math
import random
import uuid
from typing import Any

import nucleus.async_job
from judging import Checks, ask, by_kind, connect, counted, dataset_of, exact, finished, model_of
from nucleus import Point, PolygonPrediction
from samples import METADATA, annotations, box, named, polygon, predictions

MANY, POINTS, ITEMS = 5000, 60, 50


def batches(checks: Checks) -> None:
    """Batches of any size, the last one smaller."""
    client = connect()
    dataset, model = dataset_of(client, "batches", "ab"), model_of(client, "batches")
    objects = [box("ab"[i % 2], f"{i:02}", x=i) for i in range(23)]
    for size in (1, 7, 23, 1000):
        run = dataset.create_model_run(f"by {size}", reference_id=model.reference_id)
        checks.same(f"{size}: counts", run.predict(objects, batch_size=size), counted(run.model_run_id, 23))
        checks.same(f"{size}: order", run.refloc("b"), {"box": objects[1::2]})
    run = dataset.create_model_run("bad ones", reference_id=model.reference_id)
    reply = run.predict([box("a", "1"), *(box("nowhere", str(i)) for i in range(5)), box("b", "2")], batch_size=2)
    told = reply.pop("errors", [])
    checks.same("counts of batches with bad ones", [reply, len(told)], [counted(run.model_run_id, 2), 5])


def polygons(checks: Checks) -> None:
    """The default batch, filled: 5,000 polygons of 60 points, 12 MB, in one request."""
    client, numbers = connect(), random.Random(7)
    dataset, model = dataset_of(client, "polygons", [f"item {i}" for i in range(ITEMS)]), model_of(client, "polygons")
    run = dataset.create_model_run("polygons", reference_id=model.reference_id)
    angles = [2 * math.pi * i / POINTS for i in range(POINTS)]

    def outline() -> list[Any]:
        x, y, radius = numbers.uniform(0, 4000), numbers.uniform(0, 4000), numbers.uniform(1, 99)
        return [Point(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]

    objects = [
        PolygonPrediction("roof", outline(), f"item {i % ITEMS}", annotation_id=str(i), confidence=numbers.random())
        for i in range(MANY)
    ]
    checks.same("counts", run.predict(objects), counted(run.model_run_id, MANY))
    for position in (0, 17, ITEMS - 1):
        checks.same(f"item {position}", run.iloc(position), {"polygon": objects[position::ITEMS]})
    found = {one.annotation_id: one for one in run.ungrouped_export()["polygon"]}
    checks.same("all of them", [found[one.annotation_id] for one in objects], objects)
    checks.same("again", run.predict(objects), counted(run.model_run_id, 0, MANY))


def asynchronous(checks: Checks) -> None:
    """Jobs of predictions, to a run and to a model, good and bad ones among them."""
    client = connect()
    dataset, model = dataset_of(client, "jobs", ["a/ä", "b"]), model_of(client, "jobs")
    run = dataset.create_model_run("jobs", reference_id=model.reference_id)
    good = predictions("a/ä")
    bad = [box("nowhere", "1"), box("b", "2", confidence=2), box("b", "3", height=-0.5)]
    job = run.predict([*good[:5], *bad, *good[5:]], asynchronous=True)
    checks.same("from birth", [job.job_last_known_status, job.job_type], ["Running", "uploadPredictions"])
    job.sleep_until_complete(verbose_std_out=False)
    status = job.status()
    checks.same(
        "its end", [status[key] for key in ("job_id", "status", "job_progress")], [job.job_id, "Completed", "1.00"]
    )
    checks.same("its steps", status["completed_steps"], status["total_steps"])
    message = exact(status["message"])
    counts = (f'"processed": {len(good)}', f'"errored": {len(bad)}', '"ignored": 0')
    checks.holds("its message", all(count in message for count in counts), message)
    errors = job.errors()
    checks.same("one text each", [type(line).__name__ for line in errors], ["str"] * len(bad))
    checks.holds("unknown item", any("Item with id nowhere doesn't exist." in line for line in errors), errors)
    found = run.refloc("a/ä")
    for kind, objects in by_kind(good).items():
        checks.same(f"{kind} as sent", found.get(kind), named(objects, found.get(kind, objects)))
    checks.same("bad ones are not there", run.refloc("b"), {"annotations": {}})
    ignored = finished(run.predict(good, asynchronous=True)).status()["message"]
    checks.holds("not to update", f'"ignored": {len(good)}' in exact(ignored), ignored)
    finished(run.predict([box("a/ä", "plain", label="new")], asynchronous=True, update=True))
    checks.same("to update", run.prediction_loc("a/ä", "plain").label, "new")
    finished(dataset.upload_predictions(model, [box("b", "1")], asynchronous=True))
    checks.same("of a model", dataset.predictions_refloc(model, "b"), {"box": [box("b", "1")]})
    made = model.create_run("made", dataset, [box("b", "9")], asynchronous=True)
    await_all(client, dataset)
    checks.same("of a new run", made.refloc("b"), {"box": [box("b", "9")]})


def await_all(client: nucleus.NucleusClient, dataset: nucleus.Dataset) -> None:
    """Wait for the jobs of a dataset that run, also those that a call keeps to itself."""
    for job in client.list_jobs(dataset_id=dataset.id):
        job.sleep_until_complete(verbose_std_out=False)


def ground_truth(checks: Checks) -> None:
    """A job of annotations, and what upstream's own tests say of its status."""
    client = connect()
    dataset = dataset_of(client, "jobs of ground truth", ["a"])
    sent = annotations("a")
    job = finished(dataset.annotate([*sent, nucleus.BoxAnnotation("x", 1, 2, 3, 4, "nowhere")], asynchronous=True))
    status = job.status()
    counts = {"total": len(sent) + 1, "processed": len(sent), "errored": 1, "ignored": 0, "datasetId": dataset.id}
    checks.same("its message", status["message"], {"annotation_upload": counts})
    checks.same("its type", job.job_type, "uploadAnnotations")
    checks.holds("its error", "Item with id nowhere doesn't exist." in "".join(job.errors()), job.errors())
    checks.same("what is kept", dataset.refloc("a")["annotations"], by_kind(sent))


def jobs(checks: Checks) -> None:
    """Lists of jobs, jobs by id, and the requests of an upload sent again."""
    client = connect()
    dataset, model = dataset_of(client, "lists of jobs", ["a"]), model_of(client, "lists of jobs")
    run = dataset.create_model_run("lists of jobs", reference_id=model.reference_id)
    first = finished(run.predict([box("a", "1")], asynchronous=True))
    second = finished(dataset.annotate([nucleus.BoxAnnotation("x", 1, 2, 3, 4, "a")], asynchronous=True))
    ids = {first.job_id, second.job_id}
    listed = {job.job_id: job for job in dataset.jobs(show_completed=True)}
    checks.holds("both are listed", ids <= set(listed), listed)
    kept = listed[first.job_id]
    told = [kept.job_type, kept.job_last_known_status, bool(kept.job_creation_time)]
    checks.same("what the list says", told, ["uploadPredictions", "Completed", True])
    checks.holds("completed ones are left out", not ids & {job.job_id for job in dataset.jobs()})
    of_type = dataset.jobs(job_types=["uploadAnnotations"], show_completed=True)
    checks.same("of a type", [job.job_id for job in of_type], [second.job_id])
    checks.same("at most", len(client.list_jobs(show_completed=True, limit=1)), 1)
    checks.same("from a date", client.list_jobs(show_completed=True, from_date="2999-01-01"), [])
    checks.holds(
        "to a date", len(client.list_jobs(show_completed=True, to_date="2999-01-01", dataset_id=dataset.id)) >= 2
    )
    overview = dataset.jobs(show_completed=True, stats_only=True)
    checks.same("overview", overview["uploadAnnotations"], {"Completed": 1})
    again = nucleus.async_job.AsyncJob.from_id(first.job_id, client)
    checks.same("by id", [again.job_id, again.job_type], [first.job_id, "uploadPredictions"])
    checks.same("no errors", again.errors(), [])
    checks.raises("unknown job", "NucleusAPIError 404", "job_nothing", client.get_job, "job_nothing")
    sent_again(checks, dataset, run.model_run_id)


def sent_again(checks: Checks, dataset: nucleus.Dataset, run_id: str) -> None:
    """The three requests of an upload, as the client sends them, each twice."""
    request_id = uuid.uuid4().hex
    address = ask("GET", f"dataset/{dataset.id}/signedUrl/{request_id}?s3Endpoint=x").json()["signed_url"]
    lines = "\n".join(json.dumps(one.to_payload()) for one in (box("a", "9"), polygon("a", "8", metadata=METADATA)))
    put = nucleus.connection.requests.put
    statuses = [put(address, data=(lines + "\nno JSON\n").encode(), timeout=60).status_code for _ in range(2)]
    checks.same("put twice", statuses, [200, 200])
    checks.same("without its signature", put(address.partition("?")[0], data=b"{}", timeout=60).status_code, 401)
    body = {"requestId": request_id, "update": False, "trained_slice_id": None}
    taken = [ask("POST", f"modelRun/{run_id}/predict?async=1", json=body).json() for _ in range(2)]
    checks.same("one job", taken[0]["job_id"], taken[1]["job_id"])
    job = finished(nucleus.async_job.AsyncJob.from_json(taken[0], connect()))
    checks.same("a line that is no JSON is told", len(job.errors()), 1)
    unknown = ask("POST", f"modelRun/{run_id}/predict?async=1", json={"requestId": "0" * 32, "update": False})
    checks.holds("nothing was put there", unknown.status_code in (400, 404) and "error" in unknown.json(), unknown.text)
