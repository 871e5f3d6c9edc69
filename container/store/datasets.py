"""Datasets, their tags and their taxonomies."""

import json
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select, update

from container.errors import BadRequest, NotFound, shown
from container.store import upserts
from container.store.database import new_id, now
from container.store.tables import annotation, dataset, item, prediction, run, taxonomy

ERASED = 2000  # rows in one transaction


class Dataset(NamedTuple):
    """A dataset; `key` is the number of its row, and the schemas are JSON values."""

    key: int
    id: str
    name: str
    is_scene: bool
    use_privacy_mode: bool
    annotation_metadata_schema: Any
    item_metadata_schema: Any
    revision: int
    created_at: float


class Taxonomy(NamedTuple):
    """Names of classes for categories."""

    name: str
    type: str
    labels: list[str]


def create(
    connection: Connection,
    name: str,
    is_scene: bool = False,
    use_privacy_mode: bool = False,
    annotation_metadata_schema: object = None,
    item_metadata_schema: object = None,
) -> str:
    """Make an empty dataset; return its id."""
    public_id = new_id("ds")
    values = {
        "public_id": public_id,
        "name": name,
        "is_scene": is_scene,
        "use_privacy_mode": use_privacy_mode,
        "annotation_metadata_schema": json.dumps(annotation_metadata_schema),
        "item_metadata_schema": json.dumps(item_metadata_schema),
        "created_at": now(),
    }
    connection.execute(insert(dataset).values(values))
    return public_id


def find(connection: Connection, dataset_id: str) -> Dataset:
    """Return a dataset by its id; NotFound if there is none, or if it was deleted."""
    row = connection.execute(select(dataset).filter_by(public_id=dataset_id, deleted_at=None)).first()
    if row is None:
        raise NotFound(f"Dataset with id {shown(dataset_id)} doesn't exist.")
    return _dataset(row)


def by_key(connection: Connection, key: int) -> Dataset:
    """Return a dataset by the number of its row; NotFound if it was deleted."""
    row = connection.execute(select(dataset).filter_by(id=key, deleted_at=None)).first()
    if row is None:
        raise NotFound("The dataset was deleted.")
    return _dataset(row)


def every(connection: Connection) -> list[Dataset]:
    """Return all datasets, oldest first."""
    return [_dataset(row) for row in connection.execute(select(dataset).filter_by(deleted_at=None).order_by("id"))]


def changed(connection: Connection, key: int) -> None:
    """Count a change of what a dataset holds."""
    connection.execute(update(dataset).filter_by(id=key).values(revision=dataset.c.revision + 1))


def lock(connection: Connection, key: int) -> None:
    """Let the other writers of a dataset's items and truth wait until the transaction ends."""
    upserts.lock(connection, dataset, key)


def remove(connection: Connection, one: Dataset) -> None:
    """Mark a dataset as deleted: nobody finds it any more, and `erase` frees its space."""
    moment = now()
    connection.execute(update(dataset).filter_by(id=one.key).values(deleted_at=moment))
    connection.execute(
        update(run).filter_by(dataset_id=one.key, deleted_at=None).values(deleted_at=moment, implicit=False)
    )


def erase(connection: Connection, key: int) -> bool:
    """Erase a part of a dataset that was deleted; return False once there is nothing left of it.

    SQLite gives the key of the last row again once that is gone: a job that is repeated may meet another dataset.
    """
    there = select(dataset.c.id).where(dataset.c.id == key, dataset.c.deleted_at.is_not(None))
    if connection.execute(there).first() is None:
        return False
    items = list(connection.execute(select(item.c.id).filter_by(dataset_id=key).order_by("id").limit(ERASED)).scalars())
    for table in (prediction, annotation):
        some = select(table.c.id).where(table.c.item_id.in_(items)).limit(ERASED)
        if connection.execute(delete(table).where(table.c.id.in_(some))).rowcount == ERASED:
            return True
    if items:
        connection.execute(delete(item).where(item.c.id.in_(items)))
        return True
    of_runs = select(run.c.id).filter_by(dataset_id=key)  # on items of other datasets
    some = select(prediction.c.id).where(prediction.c.run_id.in_(of_runs)).limit(ERASED)
    if connection.execute(delete(prediction).where(prediction.c.id.in_(some))).rowcount:
        return True
    return bool(
        connection.execute(delete(dataset).where(dataset.c.id == key, dataset.c.deleted_at.is_not(None))).rowcount
    )


def taxonomies(connection: Connection, key: int) -> dict[str, Taxonomy]:
    """Return the taxonomies of a dataset by name."""
    rows = connection.execute(select(taxonomy).filter_by(dataset_id=key).order_by("id"))
    return {row.name: Taxonomy(row.name, row.type, json.loads(row.labels)) for row in rows}


def add_taxonomy(connection: Connection, one: Dataset, new: Taxonomy, update_labels: bool) -> str:
    """Add a taxonomy, or labels to one; return "created", "updated" or "unchanged".

    Raises BadRequest where one of this name has another type, or other labels and they may not be updated.
    """
    lock(connection, one.key)
    before = taxonomies(connection, one.key).get(new.name)
    if before is None:
        values = {"dataset_id": one.key, "name": new.name, "type": new.type, "labels": json.dumps(new.labels)}
        connection.execute(insert(taxonomy).values(values))
        return "created"
    if before.type != new.type:
        raise BadRequest(f"taxonomy {shown(new.name)} is there, and its type is {before.type!r}, not {new.type!r}")
    labels = list(dict.fromkeys(before.labels + new.labels))
    if labels == before.labels:
        return "unchanged"
    if not update_labels:
        raise BadRequest(f"taxonomy {shown(new.name)} is there with other labels; with update=True labels are added")
    rows = taxonomy.c.dataset_id == one.key, taxonomy.c.name == new.name
    connection.execute(update(taxonomy).where(*rows).values(labels=json.dumps(labels)))
    return "updated"


def _dataset(row: Row[Any]) -> Dataset:
    return Dataset(
        row.id,
        row.public_id,
        row.name,
        row.is_scene,
        row.use_privacy_mode,
        json.loads(row.annotation_metadata_schema),
        json.loads(row.item_metadata_schema),
        row.revision,
        row.created_at,
    )
