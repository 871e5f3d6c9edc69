"""Evaluations: made of a run, or of a model on a benchmark; listed, cancelled, tried again and deleted."""

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, request

from container.errors import BadRequest, Conflict, NotFound, shown
from container.protocols.nucleus import configs, openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import known, read_document, text
from container.protocols.nucleus.jobs import dated
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.replies import reply
from container.protocols.nucleus.runs import scope
from container.scoring.config import Config
from container.store import benchmarks, evaluations, models, runs
from container.store.benchmarks import READY, Benchmark
from container.store.database import Connection
from container.store.evaluations import CANCELLED, EVALUATION, FAILED, UNFINISHED, Evaluation, Selection

WAIT_SECONDS = 2.0  # that a new one waits for its end: clients look once, and then every 5 s
ROOT = f"{PREFIX}/evaluationsV2"
_ONE = f"{ROOT}/<evaluation_id>"
_EVALUATION = openapi.members(
    id=openapi.TEXT,
    status=openapi.TEXT,
    model_run_id={**openapi.TEXT, "nullable": True},
    dataset_id={**openapi.TEXT, "nullable": True},
)
_EVALUATIONS: openapi.Schema = {"type": "array", "items": _EVALUATION}
_MADE = openapi.members(evaluation_id=openapi.TEXT)
_LABELS = ("rollup_groups", "allowed_label_matches", "allowed_label_matches_id")


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of evaluations."""
    _add_creation(blueprint, backend)
    _add_lists(blueprint, backend)
    _add_changes(blueprint, backend)


def _add_creation(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store

    @blueprint.post(f"{PREFIX}/modelRun/<run_id>/evaluationsV2")
    @openapi.described(
        "Evaluate a run on all items of its datasets",
        _MADE,
        openapi.optional(name=openapi.NAME, allowed_label_matches=openapi.OBJECTS),
        in_part=True,
    )
    def evaluate_run(run_id: str) -> Response:
        document = known(read_document(request), "name", *_LABELS, "exclusion_rules")
        name, config = _name(document), configs.compared_by(_config(document))
        with store.write() as connection:
            run = runs.find(connection, run_id)
            keys = scope(connection, run)
            if not keys:
                raise BadRequest(f"model run {run.id} has neither a dataset nor predictions")
            selection = Selection(tuple(keys), (run.key,))
            made = _create(connection, run.model_key, selection, config, run_key=run.key, name=name)
        backend.scorer.begin(made, WAIT_SECONDS)
        return reply({"evaluation_id": made.id})

    @blueprint.post(f"{PREFIX}/benchmarks/<benchmark_id>/evaluationsV2")
    @openapi.described(
        "Evaluate a run, or the predictions that a model has without one, on the items of a benchmark",
        _MADE,
        openapi.optional(model_run_id=openapi.NAME, model_id=openapi.NAME, name=openapi.NAME),
        in_part=True,
        conflicts=True,
    )
    def evaluate_on_benchmark(benchmark_id: str) -> Response:
        document = known(read_document(request), "model_run_id", "model_id", "name", *_LABELS, "exclusion_rules")
        name, kept = _name(document), _config(document)
        with store.write() as connection:
            one = benchmarks.find(connection, benchmark_id)
            if one.status != READY:
                raise Conflict(f"benchmark {one.id} is {one.status}; models are evaluated on one that is ready")
            model_key, run_key, keys = _anchor(connection, one, document)
            if one.groups and not kept.keys() & {"rollup_groups", "allowed_label_matches"}:
                kept["rollup_groups"] = one.groups
            config = configs.compared_by(kept, class_agnostic=bool(one.class_agnostic))
            selection = Selection(benchmarks.dataset_keys(connection, one.key), keys, one.key)
            made = _create(connection, model_key, selection, config, run_key=run_key, name=name)
        backend.scorer.begin(made, WAIT_SECONDS)
        return reply({"evaluation_id": made.id})


def _add_lists(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store

    @blueprint.get(f"{PREFIX}/modelRun/<run_id>/evaluationsV2")
    @openapi.described("The evaluations of a run, the newest first", _EVALUATIONS)
    def evaluations_of_run(run_id: str) -> Response:
        with store.read() as connection:
            return _listed(connection, evaluations.of_run(connection, runs.find(connection, run_id).key))

    @blueprint.get(f"{PREFIX}/model/<model_id>/evaluationsV2")
    @openapi.described("The evaluations of what a model has predicted without a run, the newest first", _EVALUATIONS)
    def evaluations_of_model(model_id: str) -> Response:
        with store.read() as connection:
            return _listed(connection, evaluations.of_model(connection, models.find(connection, model_id).key))

    @blueprint.get(_ONE)
    @openapi.described("An evaluation", _EVALUATION)
    def one_evaluation(evaluation_id: str) -> Response:
        with store.read() as connection:
            return _answer(connection, find(connection, evaluation_id))


def _add_changes(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store

    @blueprint.post(f"{_ONE}/cancel")
    @openapi.described("End an evaluation that is not done", _EVALUATION, conflicts=True)
    def cancel_evaluation(evaluation_id: str) -> Response:
        known(read_document(request))
        with store.write() as connection:
            one = find(connection, evaluation_id)
            if not evaluations.set_status(connection, one, CANCELLED) and one.status != CANCELLED:
                raise Conflict(f"evaluation {one.id} has {one.status} already; delete it instead")
            return _answer(connection, find(connection, evaluation_id))

    @blueprint.post(f"{_ONE}/retry")
    @openapi.described("Evaluate again, the same as one that has failed", _MADE, conflicts=True)
    def retry_evaluation(evaluation_id: str) -> Response:
        known(read_document(request))
        with store.write() as connection:
            one = find(connection, evaluation_id)
            if one.status != FAILED:
                raise Conflict(f"evaluation {one.id} is {one.status}; only one that has failed is tried again")
            selection = _selection(connection, one)
            config = Config.read(one.config)
            made = _create(connection, one.model_key, selection, config, run_key=one.run_key, name=one.name)
        backend.scorer.begin(made, WAIT_SECONDS)
        return reply({"evaluation_id": made.id})

    @blueprint.delete(_ONE)
    @openapi.described("Delete an evaluation; one that is not done ends", openapi.members(message=openapi.TEXT))
    def remove_evaluation(evaluation_id: str) -> Response:
        with store.write() as connection:
            evaluations.remove(connection, find(connection, evaluation_id).key)
        backend.scorer.runner.wake()
        return reply({"message": "The evaluation was deleted."})


def find(connection: Connection, evaluation_id: str) -> Evaluation:
    """Return an evaluation by its id; NotFound if there is none, and for a commit, which has no such id for clients."""
    one = evaluations.find(connection, evaluation_id)
    if one.purpose != EVALUATION:
        raise NotFound(f"Evaluation with id {shown(evaluation_id)} doesn't exist.")
    return one


def done(connection: Connection, evaluation_id: str) -> Evaluation:
    """Return an evaluation that has succeeded; Conflict, in words, for another one."""
    one = find(connection, evaluation_id)
    if one.status in UNFINISHED:
        raise Conflict(f"evaluation {one.id} is {one.status}; wait until it has succeeded")
    if one.status in (FAILED, CANCELLED):
        reason = f": {one.error}" if one.error else ""
        raise Conflict(f"evaluation {one.id} has no figures, it is {one.status}{reason}")
    return one


def _create(
    connection: Connection, model_key: int, selection: Selection, config: Config, run_key: int | None, name: str
) -> Evaluation:
    return evaluations.create(
        connection,
        purpose=EVALUATION,
        model_key=model_key,
        selection=selection,
        config=config.as_dict(),
        run_key=run_key,
        benchmark_key=selection.benchmark,
        name=name,
    )


def _selection(connection: Connection, one: Evaluation) -> Selection:
    """Return what an evaluation is of, now: a run may have come to datasets since. NotFound without its benchmark."""
    if one.benchmark_key is not None:
        key = benchmarks.by_key(connection, one.benchmark_key).key
        return Selection(benchmarks.dataset_keys(connection, key), one.selection.runs, key)
    return Selection(tuple(scope(connection, runs.find(connection, one.run_id or ""))), one.selection.runs)


def _anchor(
    connection: Connection, one: Benchmark, document: dict[str, Any]
) -> tuple[int, int | None, tuple[int, ...]]:
    """Return the keys of the model, of its run or None, and of the runs whose predictions are evaluated.

    A model's own are those that were uploaded to it; if there are none, those that were uploaded to a dataset for it.
    """
    given = [name for name in ("model_run_id", "model_id") if document.get(name) is not None]
    if len(given) != 1:
        raise BadRequest("an evaluation is of one thing: give model_run_id or model_id")
    if given == ["model_run_id"]:
        run = runs.find(connection, text(document, "model_run_id"))
        return run.model_key, run.key, (run.key,)
    model = models.find(connection, text(document, "model_id"))
    for of in ((None,), benchmarks.dataset_keys(connection, one.key)):
        keys = runs.implicit_keys(connection, model.key, of)
        if keys:
            return model.key, None, keys
    return model.key, None, ()


def _name(document: dict[str, Any]) -> str:
    return text(document, "name", "")


def _config(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a document says about labels and rules, under the names that it has."""
    configs.refuse_saved_matches(document)
    found = {
        "rollup_groups": configs.groups(document, "rollup_groups"),
        "allowed_label_matches": configs.pairs(document, "allowed_label_matches"),
        "exclusion_rules": configs.rules(document, "exclusion_rules"),
    }
    return {name: value for name, value in found.items() if value}


def _answer(connection: Connection, one: Evaluation) -> Response:
    return reply(_shapes(connection, [one])[0])


def _listed(connection: Connection, several: Iterable[Evaluation]) -> Response:
    return reply(_shapes(connection, [*several]))


def _shapes(connection: Connection, several: list[Evaluation]) -> list[dict[str, Any]]:
    """Return evaluations as replies show them; clients before 0.22 need model_run_id and dataset_id, of whatever."""
    ids = benchmarks.ids(connection, [one.benchmark_key for one in several if one.benchmark_key is not None])
    return [
        {
            "id": one.id,
            "name": one.name or None,
            "status": one.status,
            "error_message": one.error,
            "model_id": one.model_id,
            "model_run_id": one.run_id,
            "dataset_id": one.dataset_id,
            "benchmark_id": ids.get(one.benchmark_key or 0),
            "slice_id": None,
            "rollup_groups": configs.shown_groups(one.config["groups"]) or None,
            "allowed_label_matches": configs.shown_pairs(one.config["allowed"]) or None,
            "allowed_label_matches_id": None,
            "allowed_label_matches_name": None,
            "class_agnostic": one.config["class_agnostic"],
            "exclusion_rules": one.config["exclusions"] or None,
            "exclusion_stats": _excluded(one),
            "created_at": _time(one.created_at),
            "finished_at": _time(one.finished_at),
            "job_id": one.job_id,
            "data_revision": one.revisions,
            "version": one.version,
            "temporal_workflow_id": None,
        }
        for one in several
    ]


def _excluded(one: Evaluation) -> dict[str, Any] | None:
    """Return how much the rules have left out, once that is known."""
    left_out = {name: number for name, number in one.counts.items() if name.endswith("_excluded")}
    return left_out if one.config["exclusions"] and left_out else None


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else dated(seconds)
