"""Items and their metadata, uploaded: as JSON, as forms with pictures, and by way of a signed upload."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from flask import Blueprint, Response, request

from container.errors import BadRequest, NotFound, PayloadTooLarge
from container.protocols.nucleus import openapi
from container.protocols.nucleus.attachments import Attachments, received
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import flag, mapping, read_document, shown, text
from container.protocols.nucleus.documents import read_array, read_arrays
from container.protocols.nucleus.intake import bound, with_update
from container.protocols.nucleus.jobs import asynchronous, begin, shape
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.replies import reply
from container.protocols.nucleus.work import METADATA_UPDATE, UPLOAD_ITEMS
from container.store import datasets, items, jobs
from container.store.datasets import Dataset
from container.store.objects import ItemRow, read_item
from container.web.forms import MEDIA_TYPE

_DATASET = f"{PREFIX}/dataset/<dataset_id>"
_APPENDED = openapi.members(
    dataset_id=openapi.TEXT,
    new_items=openapi.INTEGER,
    updated_items=openapi.INTEGER,
    ignored_items=openapi.INTEGER,
    upload_errors=openapi.INTEGER,
)
# Of one request, for which the store's other writers wait: 20,000 items take 4 s.
MAX_MERGED, MAX_MERGED_SIZE = 20_000, 64 << 20
_LEVELS = ("dataset_item", "item")


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes that add items and change their metadata."""
    store = backend.store

    @blueprint.post(f"{_DATASET}/append")
    @openapi.described(
        "Add items",
        openapi.either(_APPENDED, openapi.JOB),
        openapi.members(items=openapi.OBJECTS),
        parameters=[openapi.ASYNC],
    )
    def append(dataset_id: str) -> Response:
        with store.read() as connection:
            dataset = datasets.find(connection, dataset_id)
        if request.mimetype == MEDIA_TYPE:
            return _append_form(backend, dataset)
        if not asynchronous():
            return _append_document(backend, dataset)
        document = read_document(request)
        with store.write() as connection:
            answer = begin(connection, dataset, UPLOAD_ITEMS, document, {"dataset": dataset.id})
        backend.runner.wake()
        return answer

    @blueprint.post(f"{_DATASET}/metadata")
    @openapi.described(
        "Add members to the metadata of items",
        openapi.either(openapi.members(processed=openapi.INTEGER), openapi.JOB),
        openapi.members(metadata=openapi.OBJECTS),
        parameters=[openapi.ASYNC],
    )
    def merge_metadata(dataset_id: str) -> Response:
        return _merge_metadata(backend, dataset_id)


def _append_document(backend: Backend, dataset: Dataset) -> Response:
    """Add the items of a JSON body."""
    store = backend.store
    store.check_space()
    errors: list[str] = []

    with received(request, store.uploads.folder) as (file, _):
        update, rows = with_update(lambda: _Items(file, errors))
        with store.write() as connection:
            datasets.find(connection, dataset.id)
            counts = items.add(connection, dataset.key, ((row, None) for row in rows), update)
    return reply(_counted(dataset, counts, errors))


class _Items:
    """The good items of a body; the texts of the bad ones go to `errors`."""

    def __init__(self, file: BinaryIO, errors: list[str]) -> None:
        errors.clear()
        file.seek(0)
        self._arrays = read_arrays(file, ("items",))
        self.rest = self._arrays.rest
        self._errors = errors

    def __iter__(self) -> Iterator[ItemRow]:
        for _, value, written in self._arrays:
            row = read_item(value, written)
            if isinstance(row, str):
                self._errors.append(row)
                bound(self._errors)
            else:
                yield row


def _append_form(backend: Backend, dataset: Dataset) -> Response:
    """Add the items of a form, whose files are their pictures; each says itself whether it replaces another."""
    store = backend.store
    store.check_space()
    errors: list[str] = []
    counts = items.Counts()
    with received(request, store.uploads.folder) as (file, files):
        pictures = Attachments(files, "image_url")
        rows: dict[bool, list[tuple[ItemRow, str | None]]] = {False: [], True: []}
        for value, written in read_array(file, "items"):
            picture = pictures.next(value)
            row = read_item(value, written)
            if isinstance(row, str):
                errors.append(row)
            else:
                rows[isinstance(value, dict) and flag(value, "update")].append((row, picture))
        pictures.check_all_bound()
        pictures.keep(store)
        with store.write() as connection:
            datasets.find(connection, dataset.id)
            pictures.add(connection, store)
            for update, some in rows.items():
                counts += items.add(connection, dataset.key, some, update)
            answer = _counted(dataset, counts, errors)
            if asynchronous():
                message = {"items_upload": answer}
                job = jobs.create_done(connection, UPLOAD_ITEMS, dataset.key, message, errors)
                return reply(shape(jobs.find(connection, job)))
    return reply(answer)


def _counted(dataset: Dataset, counts: items.Counts, errors: list[str]) -> dict[str, Any]:
    """Return what became of items, as replies show it."""
    return {
        "dataset_id": dataset.id,
        "new_items": counts.new,
        "updated_items": counts.updated,
        "ignored_items": counts.ignored,
        "upload_errors": len(errors),
        **({"error_payload": errors} if errors else {}),
    }


def _merge_metadata(backend: Backend, dataset_id: str) -> Response:
    """Add members to the metadata of items; unknown ones are told."""
    store = backend.store
    store.check_space()
    errors: list[str] = []
    processed = written = 0
    with received(request, store.uploads.folder) as (file, _), store.write() as connection:
        dataset = datasets.find(connection, dataset_id)
        datasets.lock(connection, dataset.key)
        arrays = read_arrays(file, ("metadata",))
        for number, (_, value, _) in enumerate(arrays):
            if number == MAX_MERGED or written > MAX_MERGED_SIZE:
                raise PayloadTooLarge(
                    f"metadata is of over {MAX_MERGED:,} items, or these are over {MAX_MERGED_SIZE >> 20} MB; split it"
                )
            if not isinstance(value, dict):
                raise BadRequest(f"metadata[{number}] is {shown(value)}; it takes reference_id and metadata")
            name, given = text(value, "reference_id"), mapping(value, "metadata")
            try:
                written += items.merge_metadata(connection, dataset.key, name, given or {})
                processed += 1
            except (NotFound, PayloadTooLarge) as error:
                errors.append(error.message)
                bound(errors)
        level = arrays.rest.get("level", _LEVELS[0])
        if level not in _LEVELS:
            raise BadRequest(f"level is {shown(level)}; this server has metadata of items only")
        if processed:
            datasets.changed(connection, dataset.key)
        told = {"dataset_id": dataset.id, "processed": processed, **({"errors": errors} if errors else {})}
        if asynchronous():
            job = jobs.create_done(connection, METADATA_UPDATE, dataset.key, {"metadata_update": told}, errors)
            return reply(shape(jobs.find(connection, job)))
    return reply(told)
