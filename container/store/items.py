"""Items of datasets: pictures by address or as blobs, with their metadata; an item's number is its rank."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, select, update

from container.errors import NotFound, PayloadTooLarge, shown
from container.store import datasets
from container.store.database import new_id
from container.store.objects import ItemRow
from container.store.tables import dataset, item
from container.store.upserts import among, batches, put

BATCH = 1000  # rows that are written, or looked up, by one statement
MAX_SIZE = 1 << 20  # characters of an item to which metadata is added


class Item(NamedTuple):
    """An item; `key` is the number of its row, `payload` its JSON as it was sent, `blob` the SHA-256 of its picture."""

    key: int
    id: str
    reference_id: str
    payload: str
    blob: str | None


class Place(NamedTuple):
    """Where an item is: the keys of its row and of its dataset, and its user's id."""

    key: int
    dataset: int
    reference_id: str


class Counts(NamedTuple):
    """What became of items."""

    new: int = 0
    updated: int = 0
    ignored: int = 0

    def __add__(self, other: Any) -> "Counts":
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


def add(connection: Connection, dataset: int, rows: Iterable[tuple[ItemRow, str | None]], replace: bool) -> Counts:
    """Add items, each with the SHA-256 of its picture or None; return how many are new, replaced and ignored.

    One with the reference of another is ignored, or replaces it wholly. Within `rows` the same holds.
    """
    total = Counts()
    datasets.lock(connection, dataset)  # the order of keys is that of commits
    for some in batches(rows, BATCH):
        values = [
            {
                "public_id": new_id("di"),
                "dataset_id": dataset,
                "reference_id": row.reference_id,
                "payload": row.payload,
                "blob": blob,
            }
            for row, blob in some
        ]
        key = ("dataset_id", "reference_id")
        new = put(connection, item, key, values)
        if replace and new < len(values):
            put(connection, item, key, values, ("payload", "blob"))
            total += Counts(new, len(values) - new, 0)
        else:
            total += Counts(new, 0, len(values) - new)
    if total.new or total.updated:
        datasets.changed(connection, dataset)
    return total


def size_of(document: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the (height, width) that the JSON of an item or an image says, if they are whole numbers over 0."""
    height: Any = document.get("height")
    width: Any = document.get("width")
    good = type(height) is int and type(width) is int and height > 0 and width > 0
    return (height, width) if good else None


def count(connection: Connection, dataset: int) -> int:
    """Return how many items a dataset has."""
    return connection.execute(select(func.count()).select_from(item).filter_by(dataset_id=dataset)).scalar_one()


def at(connection: Connection, dataset: int, number: int) -> Item:
    """Return an item by its number, from 0; NotFound beyond the last one."""
    rows = _of(dataset).order_by(item.c.id).offset(number).limit(1)
    row = connection.execute(rows).first() if 0 <= number < 2**63 else None
    return _item(row, f"Item number {number} doesn't exist.")


def by_id(connection: Connection, dataset: int, item_id: str) -> Item:
    """Return an item by its own id; NotFound if the dataset has none such."""
    row = connection.execute(_of(dataset).where(item.c.public_id == item_id)).first()
    return _item(row, f"Item with id {shown(item_id)} doesn't exist.")


def by_reference(connection: Connection, dataset: int, reference_id: str) -> Item:
    """Return an item by its user's id; NotFound if the dataset has none such."""
    row = connection.execute(_of(dataset).where(among(connection, item.c.reference_id, [reference_id]))).first()
    return _item(row, f"Item with id {shown(reference_id)} doesn't exist.")


def page(connection: Connection, dataset: int, after: int, size: int) -> list[Item]:
    """Return at most `size` items in order, those behind the key `after`."""
    rows = connection.execute(_of(dataset).where(item.c.id > after).order_by(item.c.id).limit(size))
    return [Item(*row) for row in rows]


def by_keys(connection: Connection, some: Sequence[int]) -> list[Item]:
    """Return the items with some keys, in the order of these."""
    rows = select(*_COLUMNS).where(item.c.id.in_(some)).order_by(item.c.id)
    return [Item(*row) for row in connection.execute(rows)]


def page_keys(connection: Connection, dataset: int, after: int, size: int) -> list[int]:
    """Return the keys of the items of such a page."""
    rows = select(item.c.id).where(item.c.dataset_id == dataset, item.c.id > after).order_by(item.c.id).limit(size)
    return list(connection.execute(rows).scalars())


def keys(connection: Connection, dataset: int, references: Sequence[str]) -> dict[str, int]:
    """Return the keys of the items with some references; unknown ones are missing."""
    found: dict[str, int] = {}
    for some in batches(dict.fromkeys(references), BATCH):
        where = item.c.dataset_id == dataset, among(connection, item.c.reference_id, some)
        rows = connection.execute(select(item.c.reference_id, item.c.id).where(*where))  # not their payloads
        found.update((row.reference_id, row.id) for row in rows)
    return found


def places_by_id(connection: Connection, ids: Sequence[str]) -> dict[str, Place]:
    """Return where items are by their own ids; unknown ones are missing."""
    found: dict[str, Place] = {}
    for some in batches(dict.fromkeys(ids), BATCH):
        rows = connection.execute(_places().where(item.c.public_id.in_(some)))
        found.update((row.public_id, Place(*row[:3])) for row in rows)
    return found


def places_by_reference(connection: Connection, references: Sequence[str]) -> dict[str, list[Place]]:
    """Return where items with some references are, in whatever datasets; unknown ones are missing."""
    found: dict[str, list[Place]] = {}
    for some in batches(dict.fromkeys(references), BATCH):
        # With the datasets named, the index finds them.
        there = select(dataset.c.id).where(dataset.c.deleted_at.is_(None))
        rows = _places().where(item.c.dataset_id.in_(there), among(connection, item.c.reference_id, some))
        for row in connection.execute(rows):
            found.setdefault(row.reference_id, []).append(Place(*row[:3]))
    return found


def remove(connection: Connection, dataset: int, key: int) -> None:
    """Delete an item of a dataset with its annotations and predictions."""
    connection.execute(delete(item).filter_by(id=key))
    datasets.changed(connection, dataset)


def merge_metadata(connection: Connection, dataset: int, reference_id: str, metadata: dict[str, Any]) -> int:
    """Add members to an item's metadata, replacing those of the same name; return the size of the item's JSON.

    Raises NotFound for an unknown item, and PayloadTooLarge for one that would grow over MAX_SIZE.
    """
    one = by_reference(connection, dataset, reference_id)
    payload = json.loads(one.payload)
    payload["metadata"] = {**(payload.get("metadata") or {}), **metadata}
    written = json.dumps(payload)
    if len(written) > MAX_SIZE:
        raise PayloadTooLarge(f"Item with id {shown(reference_id)} would be over 1 MB with this metadata.")
    connection.execute(update(item).filter_by(id=one.key).values(payload=written))
    return len(written)


def _places() -> Any:
    """Select items of datasets that were not deleted: a Place, and the item's own id."""
    rows = select(item.c.id, item.c.dataset_id, item.c.reference_id, item.c.public_id)
    return rows.join(dataset, dataset.c.id == item.c.dataset_id).where(dataset.c.deleted_at.is_(None))


_COLUMNS = item.c.id, item.c.public_id, item.c.reference_id, item.c.payload, item.c.blob


def _of(dataset: int) -> Any:
    return select(*_COLUMNS).where(item.c.dataset_id == dataset)


def _item(row: Row[Any] | None, missing: str) -> Item:
    if row is None:
        raise NotFound(missing)
    return Item._make(row)
