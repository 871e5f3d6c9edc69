"""Runs: the predictions of one model on one dataset or on several; each has its own."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from container.errors import NotFound, Unavailable, shown
from container.store import upserts
from container.store.database import new_id, now
from container.store.tables import dataset, model, prediction, run, run_dataset
from container.store.upserts import upsert

CREATED, COMMITTING, COMPLETED, FAILED = "Created", "Committing", "Completed", "Failed"
ERASED = 5000  # predictions in one transaction


class Run(NamedTuple):
    """A run; keys are numbers of rows, `metadata` is JSON text. Without a dataset it spans several."""

    key: int
    id: str
    name: str
    metadata: str | None
    status: str
    implicit: bool
    created_at: float
    model_key: int
    model_id: str
    model_name: str
    dataset_key: int | None
    dataset_id: str | None
    revision: int


def create(
    connection: Connection, model_key: int, dataset_key: int | None, name: str, metadata: str | None = None
) -> str:
    """Make a run without predictions; return its id."""
    values = _values(model_key, dataset_key, name, metadata, implicit=False)
    connection.execute(insert(run).values(values))
    return str(values["public_id"])


def implicit(connection: Connection, model_key: int, dataset_key: int | None, name: str) -> Run:
    """Return the run of predictions that are uploaded without one, made when first asked for.

    Those of a model alone, without a dataset, have one that nobody lists.
    """
    values = _values(model_key, dataset_key, name, None, implicit=True)
    upserts.lock(connection, model, model_key)
    if dataset_key is not None:
        connection.execute(upsert(connection, run, ()), [values])
    elif connection.execute(_implicit(model_key, None)).first() is None:  # an index takes any number without a dataset
        connection.execute(insert(run).values(values))
    row = connection.execute(_implicit(model_key, dataset_key)).first()
    if row is None:
        raise Unavailable("the predictions of this model are deleted at this moment")
    return _run(row, "")


def find_implicit(connection: Connection, model_key: int, dataset_key: int | None) -> Run:
    """Return that run; NotFound if nothing was uploaded."""
    row = connection.execute(_implicit(model_key, dataset_key).where(run.c.deleted_at.is_(None))).first()
    return _run(row, "A prediction of this model")


def implicit_keys(connection: Connection, model_key: int, dataset_keys: Sequence[int | None]) -> tuple[int, ...]:
    """Return the keys of those runs that there are, for some datasets; None among them is that of a model alone."""
    found = [connection.execute(_implicit(model_key, key)).first() for key in dataset_keys]
    return tuple(row.id for row in found if row is not None)


def find(connection: Connection, run_id: str) -> Run:
    """Return a run by its id; NotFound if there is none, or if it, its model or its dataset was deleted."""
    found = _select().where(run.c.public_id == run_id, run.c.deleted_at.is_(None))
    return _run(connection.execute(found).first(), f"Model run with id {shown(run_id)}")


def of_dataset(connection: Connection, dataset_key: int) -> list[Run]:
    """Return the runs that have a dataset, oldest first."""
    spanned = select(run_dataset.c.run_id).filter_by(dataset_id=dataset_key)
    where = (run.c.dataset_id == dataset_key) | run.c.id.in_(spanned)
    return _listed(connection, where)


def of_model(connection: Connection, model_key: int) -> list[Run]:
    """Return the runs of a model, oldest first."""
    return _listed(connection, run.c.model_id == model_key)


def datasets(connection: Connection, run_key: int) -> list[int]:
    """Return the keys of the datasets that a run has predictions on."""
    rows = select(run_dataset.c.dataset_id).join(dataset, dataset.c.id == run_dataset.c.dataset_id)
    rows = rows.where(run_dataset.c.run_id == run_key, dataset.c.deleted_at.is_(None)).order_by(dataset.c.id)
    return list(connection.execute(rows).scalars())


def remove(connection: Connection, key: int) -> None:
    """Mark a run as deleted: nobody finds it any more, and `erase` frees its space.

    If it was implicit, the next upload without a run makes another one.
    """
    connection.execute(update(run).filter_by(id=key).values(deleted_at=now(), implicit=False))


def erase(connection: Connection, key: int) -> bool:
    """Erase a part of a run that was deleted; return False once there is nothing left of it.

    SQLite gives the key of the last row again once that is gone: a job that is repeated may meet another run.
    """
    if connection.execute(select(run.c.id).where(run.c.id == key, run.c.deleted_at.is_not(None))).first() is None:
        return False
    some = select(prediction.c.id).filter_by(run_id=key).limit(ERASED)
    if connection.execute(delete(prediction).where(prediction.c.id.in_(some))).rowcount:
        return True
    connection.execute(delete(run).where(run.c.id == key, run.c.deleted_at.is_not(None)))
    return False


def lock(connection: Connection, key: int) -> None:
    """Let the other writers of a run wait until the transaction ends."""
    upserts.lock(connection, run, key)


def changed(connection: Connection, key: int) -> None:
    """Count a change of a run's predictions."""
    connection.execute(update(run).filter_by(id=key).values(revision=run.c.revision + 1))


def set_status(connection: Connection, key: int, status: str) -> None:
    """Write how far the matching of a run is."""
    connection.execute(update(run).filter_by(id=key).values(status=status))


def deleted_of_model(connection: Connection, model_key: int) -> list[int]:
    """Return the keys of the deleted runs of a model."""
    rows = select(run.c.id).where(run.c.model_id == model_key, run.c.deleted_at.is_not(None))
    return list(connection.execute(rows).scalars())


def _implicit(model_key: int, dataset_key: int | None) -> Select[Any]:
    return _select().where(run.c.model_id == model_key, run.c.dataset_id == dataset_key, run.c.implicit.is_(True))


def _listed(connection: Connection, where: Any) -> list[Run]:
    there = where, run.c.deleted_at.is_(None), ~run.c.implicit | run.c.dataset_id.is_not(None)
    return [Run(*row) for row in connection.execute(_select().where(*there).order_by(run.c.id))]


def _values(model_key: int, dataset_key: int | None, name: str, metadata: str | None, implicit: bool) -> dict[str, Any]:
    return {
        "public_id": new_id("run"),
        "model_id": model_key,
        "dataset_id": dataset_key,
        "name": name,
        "metadata": metadata,
        "status": CREATED,
        "implicit": implicit,
        "created_at": now(),
    }


def _select() -> Select[Any]:
    columns = run.c.id, run.c.public_id, run.c.name, run.c.metadata, run.c.status, run.c.implicit, run.c.created_at
    of_model = model.c.id.label("model_key"), model.c.public_id.label("model_id"), model.c.name.label("model_name")
    of_dataset = dataset.c.id.label("dataset_key"), dataset.c.public_id.label("dataset_id")
    rows = select(*columns, *of_model, *of_dataset, run.c.revision).join(model, model.c.id == run.c.model_id)
    return rows.outerjoin(dataset, dataset.c.id == run.c.dataset_id)


def _run(row: Row[Any] | None, name: str) -> Run:
    if row is None:
        raise NotFound(f"{name} doesn't exist.")
    return Run._make(row)
