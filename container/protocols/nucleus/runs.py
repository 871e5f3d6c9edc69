"""Runs of models: made, told about and deleted."""

import json
from typing import Any

from flask import Blueprint, Response, request

from container.errors import BadRequest, NotFound
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import kept, read_document, text
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.replies import reply
from container.protocols.nucleus.work import RUN_DELETION
from container.scoring.objects import UNMATCHED_KINDS
from container.store import annotations, datasets, evaluations, jobs, models, runs
from container.store.database import Connection
from container.store.evaluations import Selection
from container.store.store import Store

_MADE = openapi.members(model_run_id=openapi.TEXT)
_UNMADE = openapi.members(error=openapi.TEXT, status_code=openapi.INTEGER)  # of an unknown model
_INFO = openapi.members(model_id=openapi.TEXT, name=openapi.TEXT, status=openapi.TEXT, metadata=openapi.OBJECT)


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of runs."""
    _add_creation(blueprint, backend.store)
    _add_runs(blueprint, backend)


def _add_creation(blueprint: Blueprint, store: Store) -> None:

    @blueprint.post(f"{PREFIX}/dataset/<dataset_id>/modelRun/create")
    @openapi.described(
        "Make a run of a model on a dataset",
        openapi.either(_MADE, _UNMADE),
        openapi.members(reference_id=openapi.NAME),
    )
    def create_run(dataset_id: str) -> Response:
        document = read_document(request)
        reference_id, metadata = text(document, "reference_id"), kept(document, "metadata")
        with store.write() as connection:
            dataset = datasets.find(connection, dataset_id)
            try:
                model = models.by_reference(connection, reference_id)
            except NotFound as error:  # in the way that the client raises its ModelRunCreationError for
                return reply({"error": error.message, "status_code": error.status})
            name = text(document, "name", model.name)
            return reply({"model_run_id": runs.create(connection, model.key, dataset.key, name, metadata)})

    @blueprint.post(f"{PREFIX}/model/<model_id>/modelRun/create")
    @openapi.described("Make a run of a model on any datasets", _MADE, openapi.optional(name=openapi.NAME))
    def create_spanning_run(model_id: str) -> Response:
        document = read_document(request)
        metadata = kept(document, "metadata")
        with store.write() as connection:
            model = models.find(connection, model_id)
            name = text(document, "name", model.name)
            return reply({"model_run_id": runs.create(connection, model.key, None, name, metadata)})


def _add_runs(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store

    @blueprint.get(f"{PREFIX}/modelRun/<run_id>/info")
    @openapi.described("What a run is", _INFO)
    def run_info(run_id: str) -> Response:
        with store.read() as connection:
            run = runs.find(connection, run_id)
            counts = annotations.kinds(connection, run.key)
            last = evaluations.last_commit(connection, run.key)
            failed = evaluations.last_commit(connection, run.key, evaluations.FAILED)
            stale = last is not None and last.revisions != evaluations.revisions(connection, selected(connection, run))
        return reply(
            {
                "model_run_id": run.id,
                "model_id": run.model_id,
                "model_name": run.model_name,
                "name": run.name,
                "status": run.status,
                "metadata": json.loads(run.metadata or "{}"),
                "dataset_id": run.dataset_id,
                "match_config": None if last is None else _shown(last.config),
                "stale": stale,
                "counts": counts,
                "unmatched_kinds": [kind for kind in UNMATCHED_KINDS if counts.get(kind)],
                "matches": None if last is None else last.counts,
                "error": failed.error if failed is not None and run.status == runs.FAILED else None,
            }
        )

    @blueprint.delete(f"{PREFIX}/modelRun/<run_id>")
    @openapi.described("Delete a run with its predictions", openapi.members(message=openapi.TEXT))
    def remove_run(run_id: str) -> Response:
        with store.write() as connection:
            run = runs.find(connection, run_id)
            runs.remove(connection, run.key)
            jobs.create(connection, RUN_DELETION, None, {"run": run.key})
        backend.runner.wake()
        return reply({"message": "Beginning model run deletion..."})


def scope(connection: Connection, run: runs.Run) -> list[int]:
    """Return the keys of the datasets that a run is about: its own, and those that it has predictions on."""
    own = [] if run.dataset_key is None else [run.dataset_key]
    return list(dict.fromkeys(own + runs.datasets(connection, run.key)))


def selected(connection: Connection, run: runs.Run) -> Selection:
    """Return what a commit of a run compares: all items of its datasets."""
    return Selection(tuple(scope(connection, run)), (run.key,))


def only_dataset(connection: Connection, run: runs.Run) -> int:
    """Return the key of a run's dataset; BadRequest if it is about several, or none yet."""
    keys = scope(connection, run)
    if run.dataset_key is None and len(keys) != 1:
        raise BadRequest(f"model run {run.id} is about {len(keys)} datasets, so that numbers say no item; use its id")
    return keys[0]


def _shown(config: dict[str, Any]) -> dict[str, Any]:
    """Return the rules of a commit as clients send them."""
    allowed = [{"ground_truth_label": truth, "model_prediction_label": found} for truth, found in config["allowed"]]
    return {"class_agnostic": config["class_agnostic"], "allowed_label_matches": allowed}
