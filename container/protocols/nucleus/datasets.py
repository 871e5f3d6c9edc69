"""Datasets: what they are called, what they hold, their tags and their taxonomies."""

from typing import Any

from flask import Blueprint, Response, request

from container.errors import NotOffered
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import flag, mapping, read_document, text, texts
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.replies import reply
from container.protocols.nucleus.work import DATASET_DELETION
from container.store import datasets, items, jobs, runs, tags
from container.store.store import Store

_ROOT = f"{PREFIX}/dataset"
_NEW = openapi.members(name=openapi.NAME)
_TAGS = openapi.members(tags=openapi.TEXTS)
_TAXONOMY = openapi.members(
    taxonomy_name=openapi.NAME, type=openapi.NAME, labels={"type": "array", "items": openapi.NAME}
)


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of datasets."""
    _add_lists(blueprint, backend)
    _add_facts(blueprint, backend.store)
    _add_tags(blueprint, backend.store)
    _add_taxonomies(blueprint, backend.store)


def _add_lists(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store

    @blueprint.post(f"{_ROOT}/create")
    @openapi.described("Make a dataset", openapi.members(dataset_id=openapi.TEXT), _NEW, in_part=True)
    def create_dataset() -> Response:
        document = read_document(request)
        if flag(document, "is_scene"):
            raise NotOffered("datasets of scenes are not offered by this server; it keeps pictures")
        given = (
            text(document, "name"),
            False,
            flag(document, "use_privacy_mode"),
            mapping(document, "annotation_metadata_schema"),
            mapping(document, "item_metadata_schema"),
        )
        with store.write() as connection:
            return reply({"dataset_id": datasets.create(connection, *given)})

    @blueprint.get(f"{_ROOT}/details")
    @openapi.described("All datasets", openapi.OBJECTS)
    def details() -> Response:
        with store.read() as connection:
            every = datasets.every(connection)
        return reply([{"id": one.id, "name": one.name, "is_public": False} for one in every])

    @blueprint.get(_ROOT)
    @openapi.described("The ids of all datasets", openapi.TEXTS)
    def dataset_ids() -> Response:
        with store.read() as connection:
            return reply([one.id for one in datasets.every(connection)])

    @blueprint.delete(f"{_ROOT}/<dataset_id>")
    @openapi.described("Delete a dataset with all that it holds", openapi.members(message=openapi.TEXT))
    def remove_dataset(dataset_id: str) -> Response:
        with store.write() as connection:
            dataset = datasets.find(connection, dataset_id)
            datasets.remove(connection, dataset)
            jobs.create(connection, DATASET_DELETION, None, {"dataset": dataset.key})  # which outlives it
        backend.runner.wake()
        return reply({"message": "Beginning dataset deletion..."})


def _add_facts(blueprint: Blueprint, store: Store) -> None:
    def add(fact: str, summary: str, schema: openapi.Schema) -> None:
        @openapi.described(summary, openapi.members(**{fact: schema}))
        def view(dataset_id: str) -> Response:
            with store.read() as connection:
                return reply({fact: getattr(datasets.find(connection, dataset_id), fact)})

        blueprint.add_url_rule(f"{_ROOT}/<dataset_id>/{fact}", f"dataset_{fact}", view, methods=["GET"])

    add("name", "A dataset's name", openapi.TEXT)
    add("is_scene", "Whether a dataset holds scenes: it does not", openapi.FLAG)
    add("use_privacy_mode", "Whether a dataset's pictures stay where they are", openapi.FLAG)

    @blueprint.get(f"{_ROOT}/<dataset_id>/size")
    @openapi.described("How many items a dataset has", openapi.members(count=openapi.INTEGER))
    def size(dataset_id: str) -> Response:
        with store.read() as connection:
            return reply({"count": items.count(connection, datasets.find(connection, dataset_id).key)})

    @blueprint.get(f"{_ROOT}/<dataset_id>/info")
    @openapi.described("What a dataset is", openapi.members(dataset_id=openapi.TEXT, length=openapi.INTEGER))
    def dataset_info(dataset_id: str) -> Response:
        with store.read() as connection:
            dataset = datasets.find(connection, dataset_id)
            facts: dict[str, Any] = {
                "dataset_id": dataset.id,
                "name": dataset.name,
                "length": items.count(connection, dataset.key),
                "model_run_ids": [run.id for run in runs.of_dataset(connection, dataset.key)],
                "slice_ids": [],
                "annotation_metadata_schema": dataset.annotation_metadata_schema,
                "item_metadata_schema": dataset.item_metadata_schema,
                "tags": tags.OF_DATASETS.of(connection, dataset.key),
            }
        return reply(facts)

    @blueprint.get(f"{_ROOT}/<dataset_id>/model_runs")
    @openapi.described("The ids of a dataset's runs", openapi.TEXTS)
    def model_runs(dataset_id: str) -> Response:
        with store.read() as connection:
            dataset = datasets.find(connection, dataset_id)
            return reply([run.id for run in runs.of_dataset(connection, dataset.key)])

    @blueprint.get(f"{_ROOT}/<dataset_id>/slices")
    @openapi.described("The ids of a dataset's slices: it has none", openapi.TEXTS)
    def slices(dataset_id: str) -> Response:
        with store.read() as connection:
            datasets.find(connection, dataset_id)
        return reply([])


def _add_tags(blueprint: Blueprint, store: Store) -> None:
    rule = f"{_ROOT}/<dataset_id>/tags"

    @blueprint.get(rule)
    @openapi.described("A dataset's tags", _TAGS)
    def dataset_tags(dataset_id: str) -> Response:
        with store.read() as connection:
            return reply({"tags": tags.OF_DATASETS.of(connection, datasets.find(connection, dataset_id).key)})

    @blueprint.post(rule)
    @openapi.described("Add tags to a dataset", _TAGS, _TAGS)
    def add_dataset_tags(dataset_id: str) -> Response:
        names = texts(read_document(request), "tags")
        with store.write() as connection:
            dataset = datasets.find(connection, dataset_id)
            tags.OF_DATASETS.add(connection, dataset.key, names)
            return reply({"tags": tags.OF_DATASETS.of(connection, dataset.key)})

    @blueprint.delete(rule)
    @openapi.described("Remove tags from a dataset", _TAGS, _TAGS)
    def remove_dataset_tags(dataset_id: str) -> Response:
        names = texts(read_document(request), "tags")
        with store.write() as connection:
            dataset = datasets.find(connection, dataset_id)
            tags.OF_DATASETS.remove(connection, dataset.key, names)
            return reply({"tags": tags.OF_DATASETS.of(connection, dataset.key)})


def _add_taxonomies(blueprint: Blueprint, store: Store) -> None:
    @blueprint.post(f"{_ROOT}/<dataset_id>/add_taxonomy")
    @openapi.described(
        "Add a taxonomy, or labels to one",
        openapi.members(dataset_id=openapi.TEXT, taxonomy_name=openapi.TEXT, status=openapi.TEXT),
        _TAXONOMY,
    )
    def add_taxonomy(dataset_id: str) -> Response:
        document = read_document(request)
        new = datasets.Taxonomy(
            text(document, "taxonomy_name"),
            text(document, "type"),
            list(dict.fromkeys(texts(document, "labels", most=10_000))),
        )
        with store.write() as connection:
            dataset = datasets.find(connection, dataset_id)
            status = datasets.add_taxonomy(connection, dataset, new, flag(document, "update"))
        return reply({"dataset_id": dataset.id, "taxonomy_name": new.name, "status": status})
