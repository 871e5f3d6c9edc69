"""Commits of runs: predictions are matched with the truth of the moment, and figures are computed from that."""

from typing import Any

from flask import Blueprint, Response, request

from container.errors import BadRequest, Unprocessable
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import flag, known, read_document, shown
from container.protocols.nucleus.configs import checked_size, pairs
from container.protocols.nucleus.jobs import shape
from container.protocols.nucleus.matches import committed
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.replies import reply, spliced
from container.protocols.nucleus.runs import selected
from container.scoring.config import Config
from container.store import datasets, evaluations, jobs, models, runs
from container.store.database import Connection
from container.store.evaluations import COMMIT, COMMIT_JOB, Evaluation
from container.store.runs import Run

WAIT_SECONDS = 20.0  # that a commit waits for its end; large ones go on, and `info` tells how far they are
_IOU_TYPES = ("bbox", "segm")
_CONFIG = openapi.optional(class_agnostic=openapi.FLAG, allowed_label_matches=openapi.OBJECTS)
_METRICS = openapi.members(
    iou_type=openapi.TEXT,
    stats=openapi.OBJECT,
    per_class=openapi.OBJECTS,
    counts=openapi.OBJECT,
    counted_as=openapi.OBJECT,
    data_revision=openapi.OBJECT,
    config=openapi.OBJECT,
    version=openapi.TEXT,
)


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of commits and of their figures."""
    store = backend.store

    @blueprint.post(f"{PREFIX}/modelRun/<run_id>/commit")
    @openapi.described("Match a run's predictions with the truth", openapi.members(model_run_id=openapi.TEXT), _CONFIG)
    def commit(run_id: str) -> Response:
        config = _config(read_document(request))
        with store.write() as connection:
            run = runs.find(connection, run_id)
            begun = _begin(connection, run, config)
        if begun is not None:
            now = backend.scorer.begin(begun, WAIT_SECONDS)
            if now is not None and now.status == evaluations.FAILED:
                raise Unprocessable(f"the commit of model run {run.id} failed: {now.error}")
        return reply({"model_run_id": run.id})

    @blueprint.post(f"{PREFIX}/dataset/<dataset_id>/model/<model_id>/calculateEvaluationMetrics")
    @openapi.described("Match a model's predictions on a dataset with the truth", openapi.JOB, _CONFIG)
    def calculate(dataset_id: str, model_id: str) -> Response:
        config = _config(read_document(request))
        with store.write() as connection:
            dataset, model = datasets.find(connection, dataset_id), models.find(connection, model_id)
            run = runs.implicit(connection, model.key, dataset.key, model.name)
            begun = _begin(connection, run, config)
            job = begun.job_id if begun is not None else None
            if job is None:
                job = jobs.create_done(connection, COMMIT_JOB, dataset.key, {"evaluation": "unchanged"}, [])
            answer = shape(jobs.find(connection, job))
        backend.scorer.runner.wake()
        return reply(answer)

    @blueprint.get(f"{PREFIX}/modelRun/<run_id>/metrics")
    @openapi.described(
        "Average precision and counts of a commit, equal to pycocotools",
        _METRICS,
        parameters=[
            {
                "name": "iou_type",
                "in": "query",
                "description": "bbox: boxes; segm: polygons and segments. Left out: boxes, if the truth has some",
                "schema": {"type": "string", "enum": list(_IOU_TYPES)},
            }
        ],
    )
    def metrics(run_id: str) -> Response:
        iou_type = request.args.get("iou_type")
        if iou_type not in (None, *_IOU_TYPES):
            raise BadRequest(f"iou_type is {shown(iou_type)}; it takes bbox or segm")
        with store.read() as connection:
            one = committed(connection, runs.find(connection, run_id))
        question = {"evaluation": one.key, "question": "metrics", "iou_type": iou_type}
        return spliced(backend.scorer.ask(question))


def _begin(connection: Connection, run: Run, config: Config) -> Evaluation | None:
    """Begin a commit; None if it would be the same as the last one, and the one under way if it is the same."""
    runs.lock(connection, run.key)  # two of the same run at once
    run = runs.find(connection, run.id)
    selection = selected(connection, run)
    wanted = config.as_dict(), selection
    for one in evaluations.under_way(connection, run.key):
        if one.status == evaluations.PENDING and (one.config, one.selection) == wanted:
            return one
        evaluations.set_status(connection, one, evaluations.CANCELLED)  # it may have read what has changed since
    last = evaluations.last_commit(connection, run.key)
    if last is not None and run.status == runs.COMPLETED and (last.config, last.selection) == wanted:
        if last.revisions == evaluations.revisions(connection, selection):
            return None
    return evaluations.create(
        connection,
        purpose=COMMIT,
        model_key=run.model_key,
        run_key=run.key,
        selection=selection,
        config=config.as_dict(),
    )


def _config(document: dict[str, Any]) -> Config:
    given = known(document, "class_agnostic", "allowed_label_matches")
    allowed = tuple((truth, found) for truth, found in pairs(given, "allowed_label_matches"))
    checked_size({"allowed": allowed})
    return Config(flag(given, "class_agnostic", True) and not allowed, allowed)
