"""Models: what predictions come from, known by the id that their user gave them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, select, update

from container.errors import NotFound, shown
from container.store.database import new_id, now
from container.store.tables import model, run
from container.store.upserts import among, one_by_one, upsert


class Model(NamedTuple):
    """A model; `key` is the number of its row, `metadata` the JSON text that was sent."""

    key: int
    id: str
    reference_id: str
    name: str
    metadata: str
    bundle_name: str | None
    trained_slice_ids: list[str]
    created_at: float


def create(
    connection: Connection, name: str, reference_id: str, metadata: str = "{}", bundle_name: str | None = None
) -> str:
    """Make a model, or find the one with this reference id, which stays as it is; return its id."""
    values = {
        "public_id": new_id("prj"),
        "reference_id": reference_id,
        "name": name,
        "metadata": metadata,
        "bundle_name": bundle_name,
        "created_at": now(),
    }
    connection.execute(upsert(connection, model, ("reference_id",)), [values])
    return by_reference(connection, reference_id).id


def find(connection: Connection, model_id: str, change: bool = False) -> Model:
    """Return a model by its id, or by the id of a run of it; NotFound if there is none.

    Others that `change` it wait until the transaction ends.
    """
    of_run = select(run.c.model_id).filter_by(public_id=model_id, deleted_at=None).scalar_subquery()
    where = (model.c.public_id == model_id) | (model.c.id == of_run)
    rows = select(model).where(where, model.c.deleted_at.is_(None))
    row = connection.execute(rows.with_for_update(key_share=True) if change else rows).first()
    if row is None:
        raise NotFound(f"Model with id {shown(model_id)} doesn't exist.")
    return _model(row)


def by_reference(connection: Connection, reference_id: str) -> Model:
    """Return a model by its user's id; NotFound if there is none."""
    row = connection.execute(
        select(model).where(among(connection, model.c.reference_id, [reference_id]), model.c.deleted_at.is_(None))
    ).first()
    if row is None:
        raise NotFound(f"Model with reference_id {shown(reference_id)} doesn't exist.")
    return _model(row)


def every(connection: Connection) -> Iterator[Model]:
    """Yield all models, oldest first."""
    yield from map(_model, one_by_one(connection, select(model).filter_by(deleted_at=None).order_by("id")))


def remove(connection: Connection, key: int) -> None:
    """Mark a model as deleted, with its runs: nobody finds them any more. Its reference id is free again."""
    moment = now()
    free = "deleted-" + new_id("prj")
    connection.execute(update(model).filter_by(id=key).values(deleted_at=moment, reference_id=free))
    connection.execute(update(run).filter_by(model_id=key, deleted_at=None).values(deleted_at=moment, implicit=False))


def erase(connection: Connection, key: int) -> None:
    """Delete the row of a model whose runs are erased."""
    connection.execute(delete(model).where(model.c.id == key, model.c.deleted_at.is_not(None)))


def set_trained_slices(connection: Connection, key: int, ids: Sequence[str]) -> None:
    """Replace the ids of the slices that a model was trained on."""
    connection.execute(update(model).filter_by(id=key).values(trained_slice_ids=json.dumps(list(ids))))


def _model(row: Row[Any]) -> Model:
    return Model(
        row.id,
        row.public_id,
        row.reference_id,
        row.name,
        row.metadata,
        row.bundle_name,
        json.loads(row.trained_slice_ids),
        row.created_at,
    )
