"""Whole datasets and whole runs, sent while they are read: + 60 MB of memory for 500,000 boxes would be too much."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, request

from container.errors import BadRequest, NotOffered
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import read_document, shown, text
from container.protocols.nucleus.items import PAGE, page_of, token
from container.protocols.nucleus.matches import MATCHES, rows_page
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.readings import find_pair
from container.protocols.nucleus.replies import dump, streamed, streamed_array
from container.protocols.nucleus.shapes import PREDICTED
from container.store import annotations, datasets, items, runs
from container.store.annotations import TRUTH, Owner
from container.store.database import Connection

_DATASET = f"{PREFIX}/dataset/<dataset_id>"
_PAGE = openapi.optional(pageToken=openapi.TEXT, pageSize=openapi.INTEGER, query=openapi.TEXT)
_ITEMS_OF_A_PAGE = 100  # whose objects are one page of them


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes that export."""
    _add_rows(blueprint, backend)
    _add_objects(blueprint, backend)
    _add_runs(blueprint, backend)


def _add_rows(blueprint: Blueprint, backend: Backend) -> None:
    store, shapes = backend.store, backend.shapes

    @blueprint.get(f"{_DATASET}/exportForTraining")
    @openapi.described("All items of a dataset with their ground truth", openapi.members(exportedRows=openapi.OBJECTS))
    def export_rows(dataset_id: str) -> Response:
        def rows(connection: Connection, key: int) -> Iterator[str]:
            after = 0
            while some := items.page(connection, key, after, PAGE):
                found = annotations.of_items(connection, TRUTH, [item.key for item in some])
                for item in some:
                    yield shapes.row(item, found[item.key])
                after = some[-1].key

        def pieces() -> Iterator[str]:
            with store.read() as connection:
                dataset = datasets.find(connection, dataset_id)
                yield '{"exportedRows":'
                yield from streamed_array(rows(connection, dataset.key))
                yield "}"

        return streamed(pieces())

    @blueprint.post(f"{_DATASET}/exportForTrainingPage")
    @openapi.described(
        "Some items of a dataset with their ground truth", openapi.members(data=openapi.OBJECTS), _PAGE, in_part=True
    )
    def export_rows_page(dataset_id: str) -> Response:
        def pieces() -> Iterator[str]:
            with store.read() as connection:
                dataset = datasets.find(connection, dataset_id)

                def write(item: items.Item) -> str:
                    return shapes.row(item, annotations.of_item(connection, TRUTH, item.key))

                yield from page_of(connection, dataset.key, document, "data", write)

        document = read_document(request)
        _refuse_query(document)
        return streamed(pieces())


def _add_objects(blueprint: Blueprint, backend: Backend) -> None:
    store, shapes = backend.store, backend.shapes

    @blueprint.post(f"{_DATASET}/queryObjectsPage")
    @openapi.described(
        "Some ground truth of a dataset, or predictions of a run",
        openapi.members(items=openapi.OBJECTS),
        {
            "type": "object",
            "required": ["patch_mode"],
            "properties": {
                "patch_mode": {"type": "string", "enum": ["ground_truth_only", "predictions_only", *MATCHES]},
                "model_run_id": {"type": "string", "nullable": True},
                **_PAGE["properties"],
            },
        },
        in_part=True,
    )
    def objects_page(dataset_id: str) -> Response:
        def pieces() -> Iterator[str]:
            with store.read() as connection:
                dataset = datasets.find(connection, dataset_id)
                after, mode = token(document), text(document, "patch_mode")
                if mode in MATCHES:
                    run = runs.find(connection, text(document, "model_run_id"))
                    texts, last = rows_page(connection, run, mode, dataset.key, after, _ITEMS_OF_A_PAGE)
                else:
                    owner = _owner(connection, document, mode)
                    some = items.page(connection, dataset.key, after, _ITEMS_OF_A_PAGE)
                    found = annotations.of_items(connection, owner, [item.key for item in some])
                    texts = (shapes.one(row) for rows in found.values() for row in rows)
                    last = some[-1].key if some else None
                yield '{"items":'
                yield from streamed_array(texts)
                yield f',"nextPageToken":{dump(None if last is None else str(last))}}}'

        document = read_document(request)
        _refuse_query(document)
        return streamed(pieces())


def _owner(connection: Connection, document: dict[str, Any], mode: str) -> Owner:
    """Return whose objects a document asks for."""
    if mode == "ground_truth_only":
        return TRUTH
    if mode == "predictions_only":
        return Owner(runs.find(connection, text(document, "model_run_id")).key)
    raise BadRequest(f"patch_mode is {shown(mode)}; it takes ground_truth_only, predictions_only, {', '.join(MATCHES)}")


def _refuse_query(document: dict[str, Any]) -> None:
    for name in ("query", "chip"):
        if document.get(name):
            raise NotOffered(f"not implemented: {name} is {shown(document[name])}; objects are not searched here")


def _add_runs(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store

    @blueprint.get(f"{PREFIX}/modelRun/<run_id>/ungrouped")
    @openapi.described("All predictions of a run", openapi.BY_KIND)
    def ungrouped(run_id: str) -> Response:
        def pieces() -> Iterator[str]:
            with store.read() as connection:
                yield from _by_kind(backend, connection, runs.find(connection, run_id).key)

        return streamed(pieces())

    @blueprint.get(f"{_DATASET}/model/<model_id>/export")
    @openapi.described("All predictions of a model on a dataset", openapi.BY_KIND)
    def export(dataset_id: str, model_id: str) -> Response:
        def pieces() -> Iterator[str]:
            with store.read() as connection:
                _, owner = find_pair(connection, dataset_id, model_id)
                assert owner.run is not None
                yield from _by_kind(backend, connection, owner.run)

        return streamed(pieces())


def _by_kind(backend: Backend, connection: Connection, run_key: int) -> Iterator[str]:
    """Yield the pieces of the lists of a run's predictions by kind."""

    def texts(kind: str) -> Iterator[str]:
        place = (0, "")
        while some := annotations.page(connection, run_key, kind, place, PAGE):
            yield from (backend.shapes.one(row) for row, _ in some)
            place = some[-1][1]

    counts = annotations.kinds(connection, run_key)
    separator = "{"
    for kind in PREDICTED:
        if counts.get(kind):
            yield f"{separator}{dump(kind)}:"
            yield from streamed_array(texts(kind))
            separator = ","
    yield "{}" if separator == "{" else "}"
