"""Items of datasets: added, listed, read by number, id and reference_id, changed and deleted."""

from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Response, request

from container.errors import BadRequest
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import number, read_document, text, whole
from container.protocols.nucleus.names import PREFIX, look_up
from container.protocols.nucleus.replies import dump, reply, spliced, streamed, streamed_array
from container.store import annotations, datasets, items
from container.store.annotations import TRUTH
from container.store.database import Connection

_DATASET = f"{PREFIX}/dataset/<dataset_id>"
_ITEM = openapi.members(item=openapi.OBJECT, annotations=openapi.BY_KIND)
_PAGE = openapi.optional(pageToken=openapi.TEXT, pageSize=openapi.INTEGER)
PAGE = 1000  # items that are read at once
MAX_PAGE = 100_000


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes that read and delete items."""
    _add_lists(blueprint, backend)
    _add_single(blueprint, backend)


def _add_lists(blueprint: Blueprint, backend: Backend) -> None:
    store, shapes = backend.store, backend.shapes

    @blueprint.get(f"{_DATASET}/datasetItems")
    @openapi.described("All items of a dataset", openapi.members(dataset_items=openapi.OBJECTS))
    def every_item(dataset_id: str) -> Response:
        def pieces() -> Iterator[str]:
            with store.read() as connection:
                dataset = datasets.find(connection, dataset_id)
                yield '{"dataset_items":'
                yield from streamed_array(shapes.item(item) for item in each(connection, dataset.key))
                yield "}"

        return streamed(pieces())

    @blueprint.post(f"{_DATASET}/itemsPage")
    @openapi.described("Some items of a dataset", openapi.members(items=openapi.OBJECTS), _PAGE)
    def items_page(dataset_id: str) -> Response:
        def pieces() -> Iterator[str]:
            with store.read() as connection:
                dataset = datasets.find(connection, dataset_id)
                yield from page_of(connection, dataset.key, document, "items", shapes.item)

        document = read_document(request)
        return streamed(pieces())


def page_of(
    connection: Connection, dataset_key: int, document: dict[str, Any], name: str, write: Callable[[items.Item], str]
) -> Iterator[str]:
    """Yield the pieces of a reply with the page of items that a document asks for, and the token of the next page."""
    after, left = token(document), whole(document, "pageSize", MAX_PAGE, MAX_PAGE)
    last = after

    def texts() -> Iterator[str]:
        nonlocal last, left
        while left:
            some = items.page(connection, dataset_key, last, min(PAGE, left))
            for item in some:
                yield write(item)
            if len(some) < min(PAGE, left):
                left = -1
                return
            last = some[-1].key
            left -= len(some)

    yield f'{{"{name}":'
    yield from streamed_array(texts())
    more = left == 0 and bool(items.page(connection, dataset_key, last, 1))
    yield f',"nextPageToken":{dump(str(last) if more else None)}}}'


def token(document: dict[str, Any]) -> int:
    """Return the key that a page begins behind; BadRequest for a token that was not given by this server."""
    given = text(document, "pageToken", "0")
    if not given.isascii() or not given.isdecimal() or len(given) > 18:
        raise BadRequest("pageToken is none that this server has given")
    return int(given)


def each(connection: Connection, dataset_key: int) -> Iterator[items.Item]:
    """Yield the items of a dataset in order."""
    after = 0
    while some := items.page(connection, dataset_key, after, PAGE):
        yield from some
        after = some[-1].key


def _add_single(blueprint: Blueprint, backend: Backend) -> None:
    store, shapes = backend.store, backend.shapes

    def answer(connection: Connection, item: items.Item) -> Response:
        return spliced(shapes.with_item(item, annotations.of_item(connection, TRUTH, item.key)))

    @blueprint.get(f"{_DATASET}/iloc/<index>")
    @openapi.described("An item with its ground truth, by its number", _ITEM)
    def item_by_number(dataset_id: str, index: str) -> Response:
        with store.read() as connection:
            dataset = datasets.find(connection, dataset_id)
            return answer(connection, items.at(connection, dataset.key, number(index)))

    @blueprint.get(f"{_DATASET}/loc/<item_id>")
    @openapi.described("An item with its ground truth, by its own id", _ITEM)
    def item_by_id(dataset_id: str, item_id: str) -> Response:
        with store.read() as connection:
            dataset = datasets.find(connection, dataset_id)
            return answer(connection, items.by_id(connection, dataset.key, item_id))

    @blueprint.get(f"{_DATASET}/refloc/<tail:name>")
    @openapi.described("An item with its ground truth, by its reference_id", _ITEM)
    def item_by_reference(dataset_id: str, name: str) -> Response:
        with store.read() as connection:
            dataset = datasets.find(connection, dataset_id)
            find = items.by_reference
            return answer(connection, look_up(name, lambda spelling: find(connection, dataset.key, spelling)))

    @blueprint.delete(f"{_DATASET}/refloc/<tail:name>")
    @openapi.described("Delete an item with its annotations and predictions", openapi.members(dataset_id=openapi.TEXT))
    def remove_item(dataset_id: str, name: str) -> Response:
        with store.write() as connection:
            dataset = datasets.find(connection, dataset_id)
            item = look_up(name, lambda spelling: items.by_reference(connection, dataset.key, spelling))
            items.remove(connection, dataset.key, item.key)
        return reply({"dataset_id": dataset.id, "reference_id": item.reference_id})
