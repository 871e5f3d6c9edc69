"""Predictions of an item, and one of them, read by way of a run, of a dataset and a model, or of a model alone."""

from collections.abc import Callable, Iterable

from flask import Blueprint, Response

from container.errors import NotFound
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import number
from container.protocols.nucleus.names import PREFIX, look_up, splits
from container.protocols.nucleus.replies import members, spliced
from container.protocols.nucleus.runs import only_dataset, scope
from container.protocols.nucleus.shapes import PREDICTED
from container.store import annotations, datasets, items, models, runs
from container.store.annotations import Owner, Stored
from container.store.database import Connection

_RUN = f"{PREFIX}/modelRun/<run_id>"
_PAIR = f"{PREFIX}/dataset/<dataset_id>/model/<model_id>"
_BY_KIND = openapi.members(annotations=openapi.BY_KIND)


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes that read predictions."""
    _add_of_run(blueprint, backend)
    _add_of_pair(blueprint, backend)
    _add_of_model(blueprint, backend)


def _add_of_run(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store

    @blueprint.get(f"{_RUN}/iloc/<index>")
    @openapi.described("A run's predictions of an item, by its number", _BY_KIND)
    def predictions_by_number(run_id: str, index: str) -> Response:
        with store.read() as connection:
            run = runs.find(connection, run_id)
            item = items.at(connection, only_dataset(connection, run), number(index))
            return _answer(backend, annotations.of_item(connection, Owner(run.key), item.key))

    @blueprint.get(f"{_RUN}/loc/<item_id>")
    @openapi.described("A run's predictions of an item, by its own id", _BY_KIND)
    def predictions_by_id(run_id: str, item_id: str) -> Response:
        with store.read() as connection:
            run = runs.find(connection, run_id)
            item = _by_id(connection, run, item_id)
            return _answer(backend, annotations.of_item(connection, Owner(run.key), item.key))

    @blueprint.get(f"{_RUN}/refloc/<tail:name>")
    @openapi.described("A run's predictions of an item, by its reference_id", _BY_KIND)
    def predictions_by_reference(run_id: str, name: str) -> Response:
        with store.read() as connection:
            run = runs.find(connection, run_id)
            item = look_up(name, lambda spelling: _by_reference(connection, run, spelling))
            return _answer(backend, annotations.of_item(connection, Owner(run.key), item.key))

    @blueprint.get(f"{_RUN}/prediction/loc/<tail:name>")
    @openapi.described("One prediction, by reference_id/annotation_id", openapi.OBJECT)
    def prediction(run_id: str, name: str) -> Response:
        with store.read() as connection:
            run = runs.find(connection, run_id)
            keys = scope(connection, run)
            found = look_up(name, lambda spelling: find_one(connection, Owner(run.key), keys, spelling))
            return spliced(backend.shapes.one(found))


def _add_of_pair(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store

    @blueprint.get(f"{_PAIR}/iloc/<index>")
    @openapi.described("A model's predictions of an item, by its number", _BY_KIND)
    def model_predictions_by_number(dataset_id: str, model_id: str, index: str) -> Response:
        with store.read() as connection:
            dataset, owner = find_pair(connection, dataset_id, model_id)
            item = items.at(connection, dataset, number(index))
            return _answer(backend, annotations.of_item(connection, owner, item.key))

    @blueprint.get(f"{_PAIR}/referenceId/<tail:name>")
    @openapi.described("A model's predictions of an item, by its reference_id", _BY_KIND)
    def model_predictions_by_reference(dataset_id: str, model_id: str, name: str) -> Response:
        with store.read() as connection:
            dataset, owner = find_pair(connection, dataset_id, model_id)
            item = look_up(name, lambda spelling: items.by_reference(connection, dataset, spelling))
            return _answer(backend, annotations.of_item(connection, owner, item.key))

    @blueprint.get(f"{_PAIR}/loc/<tail:name>")
    @openapi.described("One prediction of a model, by reference_id/annotation_id", openapi.OBJECT)
    def model_prediction(dataset_id: str, model_id: str, name: str) -> Response:
        with store.read() as connection:
            dataset, owner = find_pair(connection, dataset_id, model_id)
            found = look_up(name, lambda spelling: find_one(connection, owner, [dataset], spelling))
            return spliced(backend.shapes.one(found))


def _add_of_model(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of predictions that a model has without a run; their answers are flat."""
    store = backend.store
    root = f"{PREFIX}/model/<model_id>/predictions"
    flat = openapi.members(predictions=openapi.OBJECTS)

    def find(connection: Connection, model_id: str) -> runs.Run:
        return runs.find_implicit(connection, models.find(connection, model_id).key, None)

    def answer(connection: Connection, run: runs.Run, item: items.Item) -> Response:
        return spliced(backend.shapes.flat(annotations.of_item(connection, Owner(run.key), item.key)))

    @blueprint.get(f"{root}/iloc/<index>")
    @openapi.described("A model's own predictions of an item, by its number", flat)
    def own_predictions_by_number(model_id: str, index: str) -> Response:
        with store.read() as connection:
            run = find(connection, model_id)
            return answer(connection, run, items.at(connection, only_dataset(connection, run), number(index)))

    @blueprint.get(f"{root}/loc/<item_id>")
    @openapi.described("A model's own predictions of an item, by its own id", flat)
    def own_predictions_by_id(model_id: str, item_id: str) -> Response:
        with store.read() as connection:
            run = find(connection, model_id)
            return answer(connection, run, _by_id(connection, run, item_id))

    @blueprint.get(f"{root}/refloc/<tail:name>")
    @openapi.described("A model's own predictions of an item, by its reference_id", flat)
    def own_predictions_by_reference(model_id: str, name: str) -> Response:
        with store.read() as connection:
            run = find(connection, model_id)
            item = look_up(name, lambda spelling: _by_reference(connection, run, spelling))
            return answer(connection, run, item)


def find_pair(connection: Connection, dataset_id: str, model_id: str) -> tuple[int, Owner]:
    """Return the key of a dataset, and the owner of a model's predictions that were uploaded to it without a run."""
    dataset = datasets.find(connection, dataset_id)
    model = models.find(connection, model_id)
    return dataset.key, Owner(runs.find_implicit(connection, model.key, dataset.key).key)


def find_one(connection: Connection, owner: Owner, dataset_keys: Iterable[int], name: str) -> Stored:
    """Return an annotation by "reference_id/annotation_id"; of several readings the longest known reference_id wins.

    Raises NotFound.
    """
    for key in dataset_keys:
        for reference_id, annotation_id in splits(name):
            try:
                item = items.by_reference(connection, key, reference_id)
            except NotFound:
                continue
            try:
                return annotations.find(connection, owner, item.key, annotation_id)
            except NotFound:
                continue
    raise NotFound(f"There is no object {name[:100]!r}: a reference_id, a slash, and an annotation_id.")


def _by_reference(connection: Connection, run: runs.Run, reference_id: str) -> items.Item:
    return _first(scope(connection, run), lambda key: items.by_reference(connection, key, reference_id), reference_id)


def _by_id(connection: Connection, run: runs.Run, item_id: str) -> items.Item:
    return _first(scope(connection, run), lambda key: items.by_id(connection, key, item_id), item_id)


def _first(keys: Iterable[int], find: Callable[[int], items.Item], name: str) -> items.Item:
    for key in keys:
        try:
            return find(key)
        except NotFound:
            continue
    raise NotFound(f"Item with id {name[:100]} doesn't exist.")


def _answer(backend: Backend, rows: Iterable[Stored]) -> Response:
    return spliced(members({"annotations": backend.shapes.by_kind(rows, PREDICTED)}))
