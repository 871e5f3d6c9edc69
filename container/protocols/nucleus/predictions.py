"""Predictions, uploaded: for a run, or for a model on a dataset, which have one run of their own."""

from collections.abc import Callable

from flask import Blueprint, Response, request

from container.errors import BadRequest
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import read_document
from container.protocols.nucleus.intake import Target, take
from container.protocols.nucleus.jobs import asynchronous, begin
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.replies import reply
from container.protocols.nucleus.work import UPLOAD_PREDICTIONS
from container.store import datasets, models, runs
from container.store.annotations import Counts, Owner
from container.store.database import Connection
from container.store.datasets import Dataset
from container.store.runs import Run

_DONE = openapi.members(
    model_run_id=openapi.TEXT, predictions_processed=openapi.INTEGER, predictions_ignored=openapi.INTEGER
)
_UPLOADED = openapi.described(
    "Add predictions", openapi.either(_DONE, openapi.JOB), openapi.UPLOADED, parameters=[openapi.ASYNC]
)
_OF_MODEL = openapi.members(
    model_id=openapi.TEXT, predictions_processed=openapi.INTEGER, predictions_ignored=openapi.INTEGER
)
_KINDS_OF_MODEL = ("box", "polygon", "cuboid")
Find = Callable[[Connection], tuple[Run, Dataset | None]]


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes that take predictions."""

    @blueprint.post(f"{PREFIX}/dataset/<dataset_id>/model/<model_id>/uploadPredictions")
    @_UPLOADED
    def predict_of_model(dataset_id: str, model_id: str) -> Response:
        def find(connection: Connection) -> tuple[Run, Dataset]:
            dataset, model = datasets.find(connection, dataset_id), models.find(connection, model_id)
            return runs.implicit(connection, model.key, dataset.key, model.name), dataset

        with backend.store.read() as connection:  # before the body is read
            datasets.find(connection, dataset_id)
            models.find(connection, model_id)
        return _upload(backend, find, dataset_id=dataset_id)

    @blueprint.post(f"{PREFIX}/modelRun/<run_id>/predict")
    @_UPLOADED
    def predict_of_run(run_id: str) -> Response:
        def find(connection: Connection) -> tuple[Run, Dataset | None]:
            run = runs.find(connection, run_id)
            return run, None if run.dataset_key is None else datasets.by_key(connection, run.dataset_key)

        with backend.store.read() as connection:
            find(connection)
        return _upload(backend, find)

    @blueprint.post(f"{PREFIX}/dataset/<dataset_id>/modelRun/<run_id>/uploadPredictions")
    @_UPLOADED
    def predict_of_run_on_dataset(dataset_id: str, run_id: str) -> Response:
        def find(connection: Connection) -> tuple[Run, Dataset]:
            dataset = datasets.find(connection, dataset_id)
            return runs.find(connection, run_id), dataset

        with backend.store.read() as connection:
            find(connection)
        return _upload(backend, find, dataset_id=dataset_id)

    @blueprint.post(f"{PREFIX}/modelRun/<run_id>/uploadPredictions")
    @_UPLOADED
    def predict_of_spanning_run(run_id: str) -> Response:
        def find(connection: Connection) -> tuple[Run, None]:
            return runs.find(connection, run_id), None

        with backend.store.read() as connection:
            find(connection)
        return _upload(backend, find)

    @blueprint.post(f"{PREFIX}/model/<model_id>/predictions")
    @openapi.described("Add predictions of a model on any items", _OF_MODEL, openapi.UPLOADED)
    def predict_of_model_alone(model_id: str) -> Response:
        def target(connection: Connection) -> Target:
            model = models.find(connection, model_id)
            return Target(Owner(runs.implicit(connection, model.key, None, model.name).key), None)

        with backend.store.read() as connection:
            model = models.find(connection, model_id)
        counts = take(backend, target, truth=False, kinds=_KINDS_OF_MODEL)
        return reply({"model_id": model.id, **_counted(counts)})


def _upload(backend: Backend, find: Find, **ids: str) -> Response:
    """Store the predictions of a request for the run that `find` returns, which may make it, or start a job.

    The reply has `ids`, and that of the run.
    """
    if asynchronous():
        return _begin(backend, find)
    found: list[Run] = []

    def target(connection: Connection) -> Target:
        run, dataset = find(connection)
        found.append(run)
        return Target(Owner(run.key), dataset.key if dataset else None)

    counts = take(backend, target, truth=False)
    return reply({**ids, "model_run_id": found[-1].id, **_counted(counts)})


def _begin(backend: Backend, find: Find) -> Response:
    document = read_document(request)
    with backend.store.write() as connection:
        run, dataset = find(connection)
        if dataset is None:
            raise BadRequest(f"model run {run.id} has no dataset, which uploads are put to; send predictions directly")
        parameters = {"dataset": dataset.id, "run": run.id}
        answer = begin(connection, dataset, UPLOAD_PREDICTIONS, document, parameters)
    backend.runner.wake()
    return answer


def _counted(counts: Counts) -> dict[str, object]:
    """Return what became of predictions, as replies show it."""
    return {
        "predictions_processed": counts.processed,
        "predictions_ignored": counts.ignored,
        **({"errors": counts.errors} if counts.errors else {}),
    }
