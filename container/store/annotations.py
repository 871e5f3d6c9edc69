"""Annotations of items: the ground truth of datasets, and the predictions of runs, written and read alike."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, delete, func, select, tuple_

from container.errors import NotFound, shown
from container.store import datasets, items, runs
from container.store.derived import with_id
from container.store.items import Place
from container.store.objects import Row
from container.store.tables import annotation, dataset, item, prediction, run_dataset
from container.store.upserts import among, batches, put, upsert

SEGMENTATION_KEY = "s"
_COLUMNS = ("kind", "key", "label", "confidence", "payload", "blob")


@dataclass(frozen=True)
class Owner:
    """Whose annotations: those of a run's predictions, or the ground truth, if `run` is None."""

    run: int | None = None

    @property
    def table(self) -> Table:
        """The table that they are in."""
        return annotation if self.run is None else prediction


TRUTH = Owner()


@dataclass
class Counts:
    """What became of annotations: `processed` + `ignored` + `errors` are as many as were sent."""

    processed: int = 0
    ignored: int = 0
    errors: list[str] = field(default_factory=list)


class Stored(NamedTuple):
    """An annotation; `item` is the key of its item's row, `payload` its JSON, `blob` the SHA-256 of its mask."""

    key: int
    item: int
    kind: str
    payload: str
    blob: str | None


def add(connection: Connection, owner: Owner, dataset: int | None, rows: Iterable[Row], replace: bool) -> Counts:
    """Add annotations to items of a dataset, or of any if `dataset` is None and the rows name theirs.

    One that its item has already, by `Row.key`, is ignored whole, or replaced wholly. Of two in `rows` the first stays,
    or the last. Those of unknown items are told in `errors`.
    """
    total = Counts()
    touched: set[int] = set()
    replaced = _COLUMNS if replace else ()
    key = ("item_id", "key") if owner.run is None else ("run_id", "item_id", "key")
    _lock(connection, owner, dataset)
    for some in batches(rows, items.BATCH):
        places = _Places(connection, dataset, some)
        values = []
        for row in some:
            place = places.of(row)
            if isinstance(place, str):
                total.errors.append(place)
                continue
            touched.add(place.dataset)
            value = {name: getattr(row, name) for name in _COLUMNS} | {"item_id": place.key}
            if row.reference_id is None:  # its readers know its item by that
                value["payload"] = with_id(row.payload, json.loads(row.payload), place.reference_id, "reference_id")
            values.append(value if owner.run is None else {**value, "run_id": owner.run})
        if values:
            processed = put(connection, owner.table, key, values, replaced)
            total.processed += processed
            total.ignored += len(values) - processed
    if total.processed and owner.run is not None:
        runs.changed(connection, owner.run)
    elif total.processed:
        for one in sorted(touched):
            datasets.changed(connection, one)
    if owner.run is not None and touched:
        rows_of_run = [{"run_id": owner.run, "dataset_id": one} for one in sorted(touched)]
        connection.execute(upsert(connection, run_dataset, ("run_id", "dataset_id")), rows_of_run)
    return total


def of_item(connection: Connection, owner: Owner, item_key: int) -> list[Stored]:
    """Return the annotations of an item, in the order in which they were added."""
    rows = _select(owner).where(owner.table.c.item_id == item_key).order_by(owner.table.c.id)
    return [Stored(*row) for row in connection.execute(rows)]


def of_items(connection: Connection, owner: Owner, item_keys: list[int]) -> dict[int, list[Stored]]:
    """Return the annotations of some items by the keys of these."""
    found: dict[int, list[Stored]] = {key: [] for key in item_keys}
    for some in batches(item_keys, items.BATCH):
        for row in connection.execute(_select(owner).where(owner.table.c.item_id.in_(some)).order_by(owner.table.c.id)):
            found[row.item_id].append(Stored(*row))
    return found


def payloads(connection: Connection, table: Table, keys: Sequence[int]) -> dict[int, str]:
    """Return the JSON of annotations, or of predictions, by the keys of their rows; those that are gone are missing."""
    found: dict[int, str] = {}
    for some in batches(keys, items.BATCH):
        rows = connection.execute(select(table.c.id, table.c.payload).where(table.c.id.in_(some)))
        found.update((row.id, row.payload) for row in rows)
    return found


def find(connection: Connection, owner: Owner, item_key: int, annotation_id: str) -> Stored:
    """Return the annotation of an item with an id; NotFound if there is none.

    A segmentation, of which an item has one, is also found by the id that it was sent with.
    """
    table = owner.table
    for key in (f"a:{annotation_id}", SEGMENTATION_KEY):
        rows = _select(owner).where(table.c.item_id == item_key, among(connection, table.c.key, [key]))
        row = connection.execute(rows).first()
        if row and (key != SEGMENTATION_KEY or str(json.loads(row.payload).get("annotation_id")) == annotation_id):
            return Stored(*row)
    raise NotFound(f"Annotation with id {shown(annotation_id)} doesn't exist on this item.")


def page(
    connection: Connection, run: int, kind: str, after: tuple[int, str], size: int
) -> list[tuple[Stored, tuple[int, str]]]:
    """Return at most `size` predictions of a run of one kind behind the place `after`, each with its place.

    Places are in the order of the index; (0, "") is before all.
    """
    place = prediction.c.item_id, prediction.c.key
    behind = tuple_(*place) > tuple_(*after)
    rows = _select(Owner(run)).add_columns(prediction.c.key).where(behind, prediction.c.kind == kind)
    found = connection.execute(rows.order_by(*place).limit(size))
    return [(Stored(*row[:-1]), (row.item_id, row.key)) for row in found]


def kinds(connection: Connection, run: int) -> dict[str, int]:
    """Return how many predictions of each kind a run has."""
    rows = select(prediction.c.kind, func.count()).filter_by(run_id=run).group_by(prediction.c.kind)
    return {kind: number for kind, number in connection.execute(rows)}


def has_truth(connection: Connection, dataset_key: int, kinds: Sequence[str]) -> bool:
    """Return whether the truth of a dataset has an object of one of some kinds."""
    rows = select(annotation.c.id).join(item, item.c.id == annotation.c.item_id)
    rows = rows.where(item.c.dataset_id == dataset_key, annotation.c.kind.in_(kinds))
    return connection.execute(rows.limit(1)).first() is not None


def erase(connection: Connection, owner: Owner, dataset_key: int, references: list[str] | None, limit: int) -> int:
    """Delete at most `limit` annotations of a dataset, or of its items with some references; return how many."""
    table = owner.table
    rows = _owned(select(table.c.id), owner).join(item, item.c.id == table.c.item_id)
    rows = rows.where(item.c.dataset_id == dataset_key)
    if references is not None:
        rows = rows.where(among(connection, item.c.reference_id, references))
    _lock(connection, owner, dataset_key)
    number = connection.execute(delete(table).where(table.c.id.in_(rows.limit(limit)))).rowcount
    if number:
        datasets.changed(connection, dataset_key)
    return number


class _Places:
    """The items of a batch of annotations: one look for all that name them in the same way."""

    def __init__(self, connection: Connection, dataset_key: int | None, rows: list[Row]) -> None:
        self._dataset = dataset_key
        self._by_id = items.places_by_id(connection, [row.item_id for row in rows if row.item_id])
        named: dict[str | None, list[str]] = {}
        for row in rows:
            if not row.item_id and row.reference_id:
                named.setdefault(None if dataset_key is not None else row.dataset_id, []).append(row.reference_id)
        self._datasets: dict[str | None, int] = (
            {None: dataset_key} if dataset_key is not None else _dataset_keys(connection, [*named])
        )
        self._by_reference: dict[str | None, dict[str, int]] = {
            name: items.keys(connection, self._datasets[name], references)
            for name, references in named.items()
            if name in self._datasets
        }
        anywhere = [] if dataset_key is not None else named.get(None, [])
        self._anywhere = items.places_by_reference(connection, anywhere)

    def of(self, row: Row) -> Place | str:
        """Return where the item of a row is, or why there is none."""
        missing = f"Item with id {row.item_id or row.reference_id} doesn't exist."
        if row.item_id:
            place = self._by_id.get(row.item_id)
            return missing if place is None or self._dataset not in (None, place.dataset) else place
        reference_id = row.reference_id or ""
        if self._dataset is None and row.dataset_id is None:
            places = self._anywhere.get(reference_id, [])
            if len(places) > 1:
                return f"Item with id {reference_id} is in {len(places)} datasets; name one by dataset_id."
            return places[0] if places else missing
        name = None if self._dataset is not None else row.dataset_id
        key, found = self._datasets.get(name), self._by_reference.get(name, {}).get(reference_id)
        return missing if key is None or found is None else Place(found, key, reference_id)


def _lock(connection: Connection, owner: Owner, dataset_key: int | None) -> None:
    """Let the other writers of a run, or of a dataset's truth, wait: two that have the same objects in different order
    would wait for each other.
    """
    if owner.run is not None:
        runs.lock(connection, owner.run)
    elif dataset_key is not None:
        datasets.lock(connection, dataset_key)


def _dataset_keys(connection: Connection, ids: list[str | None]) -> dict[str | None, int]:
    rows = select(dataset.c.public_id, dataset.c.id).where(dataset.c.public_id.in_([one for one in ids if one]))
    return {name: key for name, key in connection.execute(rows.where(dataset.c.deleted_at.is_(None)))}


def _select(owner: Owner) -> Select[Any]:
    table = owner.table
    return _owned(select(table.c.id, table.c.item_id, table.c.kind, table.c.payload, table.c.blob), owner)


def _owned(rows: Select[Any], owner: Owner) -> Select[Any]:
    return rows if owner.run is None else rows.where(prediction.c.run_id == owner.run)
