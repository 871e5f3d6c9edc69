"""Evaluations: truth and predictions compared at one moment, as parts that figures are computed from.

That of a commit also has the run's matches, an item's in one text. What an evaluation holds never changes.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from container.errors import NotFound, shown
from container.store import jobs, runs
from container.store.database import new_id, now
from container.store.tables import dataset, evaluation, evaluation_part, item, job, match, model, run

COMMIT, EVALUATION = "commit", "evaluation"
PENDING, COMPUTING, SUCCEEDED, FAILED, CANCELLED = "pending", "computing", "succeeded", "failed", "cancelled"
UNFINISHED = (PENDING, COMPUTING)
COMMIT_JOB, EVALUATION_JOB, DELETION_JOB = "modelRunCommit", "evaluationV2", "evaluationDeletion"  # types
READ = 8 << 20  # characters of matches at once
_AT_ONCE = 10  # items whose texts the database sends at once
ERASED = 500  # texts of matches in one transaction: 2 MB


@dataclass(frozen=True)
class Selection:
    """What is compared: the items of datasets, or those of a benchmark, and the predictions of runs on them; keys."""

    datasets: tuple[int, ...] = ()
    runs: tuple[int, ...] = ()
    benchmark: int | None = None

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        """Return what `asdict` has written, once it has been JSON."""
        return cls(tuple(document["datasets"]), tuple(document["runs"]), document["benchmark"])


class Evaluation(NamedTuple):
    """An evaluation; keys are numbers of rows. Without a run it is of the predictions of a model without one."""

    key: int
    id: str
    purpose: str
    model_key: int
    model_id: str
    model_name: str
    run_key: int | None
    run_id: str | None
    run_name: str | None
    dataset_id: str | None  # of the run
    benchmark_key: int | None
    job_id: str | None
    name: str
    config: dict[str, Any]
    selection: Selection
    status: str
    error: str | None
    revisions: dict[str, int]  # by the ids of datasets and runs
    version: str
    counts: dict[str, Any]
    created_at: float
    finished_at: float | None


class Part(NamedTuple):
    """Some items compared: arrays by their kind, and the texts of matches by the keys of items."""

    arrays: dict[str, bytes]
    matches: list[tuple[int, str]]


def create(
    connection: Connection,
    *,
    purpose: str,
    model_key: int,
    selection: Selection,
    config: dict[str, Any],
    run_key: int | None = None,
    benchmark_key: int | None = None,
    name: str = "",
) -> Evaluation:
    """Make an evaluation and the job that computes it."""
    public_id = new_id("evalv2")
    values = {
        "public_id": public_id,
        "purpose": purpose,
        "model_id": model_key,
        "run_id": run_key,
        "benchmark_id": benchmark_key,
        "name": name,
        "config": json.dumps(config),
        "selection": json.dumps(asdict(selection)),
        "status": PENDING,
        "created_at": now(),
    }
    key = connection.execute(insert(evaluation).values(values).returning(evaluation.c.id)).scalar_one()
    type = COMMIT_JOB if purpose == COMMIT else EVALUATION_JOB
    dataset_key = selection.datasets[0] if len(selection.datasets) == 1 else None
    job_id = jobs.create(connection, type, dataset_key, {"evaluation": key})
    job_key = select(job.c.id).filter_by(public_id=job_id).scalar_subquery()
    connection.execute(update(evaluation).filter_by(id=key).values(job_id=job_key))
    if purpose == COMMIT and run_key is not None:
        runs.set_status(connection, run_key, runs.COMMITTING)
    return find(connection, public_id)


def find(connection: Connection, evaluation_id: str) -> Evaluation:
    """Return an evaluation by its id; NotFound if there is none, or if it, its run or its model was deleted."""
    row = connection.execute(_select().where(evaluation.c.public_id == evaluation_id)).first()
    if row is None:
        raise NotFound(f"Evaluation with id {shown(evaluation_id)} doesn't exist.")
    return _evaluation(row)


def by_key(connection: Connection, key: int) -> Evaluation:
    """Return an evaluation by the number of its row; NotFound as `find`."""
    row = connection.execute(_select().where(evaluation.c.id == key)).first()
    if row is None:
        raise NotFound("The evaluation was deleted.")
    return _evaluation(row)


def of_run(connection: Connection, run_key: int) -> list[Evaluation]:
    """Return the evaluations of a run, newest first, without its commits."""
    return _listed(connection, evaluation.c.run_id == run_key)


def of_model(connection: Connection, model_key: int) -> list[Evaluation]:
    """Return the evaluations of the predictions that a model has without a run, newest first."""
    return _listed(connection, (evaluation.c.model_id == model_key) & evaluation.c.run_id.is_(None))


def of_benchmark(connection: Connection, benchmark_key: int) -> list[Evaluation]:
    """Return the evaluations on a benchmark, newest first."""
    return _listed(connection, evaluation.c.benchmark_id == benchmark_key)


def last_commit(connection: Connection, run_key: int, status: str = SUCCEEDED) -> Evaluation | None:
    """Return the newest commit of a run that has this status, or None."""
    rows = _select().where(evaluation.c.run_id == run_key, evaluation.c.purpose == COMMIT)
    row = connection.execute(
        rows.where(evaluation.c.status == status).order_by(evaluation.c.id.desc()).limit(1)
    ).first()
    return None if row is None else _evaluation(row)


def under_way(connection: Connection, run_key: int) -> list[Evaluation]:
    """Return the commits of a run that are not finished."""
    rows = _select().where(evaluation.c.run_id == run_key, evaluation.c.purpose == COMMIT)
    return [_evaluation(row) for row in connection.execute(rows.where(evaluation.c.status.in_(UNFINISHED)))]


def revisions(connection: Connection, selection: Selection) -> dict[str, int]:
    """Return the revisions of what is compared now, by the ids of datasets and runs."""
    of_datasets = select(dataset.c.public_id, dataset.c.revision).where(dataset.c.id.in_(selection.datasets))
    of_runs = select(run.c.public_id, run.c.revision).where(run.c.id.in_(selection.runs))
    return {key: revision for rows in (of_datasets, of_runs) for key, revision in connection.execute(rows)}


def set_status(connection: Connection, one: Evaluation, status: str, error: str | None = None) -> bool:
    """Write how far an unfinished evaluation is, and the run of a commit with it; False if it is finished."""
    if one.purpose == COMMIT and one.run_key is not None:
        runs.lock(connection, one.run_key)  # before the evaluation's row, as who begins a commit does
    there = evaluation.c.id == one.key, evaluation.c.status.in_(UNFINISHED), evaluation.c.deleted_at.is_(None)
    values: dict[str, Any] = {"status": status, "error": error}
    if status not in UNFINISHED:
        values["finished_at"] = now()
    if not connection.execute(update(evaluation).where(*there).values(values)).rowcount:
        return False
    if one.purpose == COMMIT and one.run_key is not None:
        newest = select(evaluation.c.id).where(evaluation.c.run_id == one.run_key, evaluation.c.purpose == COMMIT)
        if connection.execute(newest.order_by(evaluation.c.id.desc()).limit(1)).scalar() == one.key:
            runs.set_status(connection, one.run_key, _OF_RUNS[status])
    return True


def note(connection: Connection, one: Evaluation, **values: Any) -> None:
    """Write `revisions`, `version` and `counts` of an evaluation."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    connection.execute(update(evaluation).filter_by(id=one.key).values(texts))


def remove(connection: Connection, key: int) -> None:
    """Mark an evaluation as deleted: nobody finds it any more, its job ends, and a job frees its space."""
    if connection.execute(update(evaluation).filter_by(id=key, deleted_at=None).values(deleted_at=now())).rowcount:
        jobs.create(connection, DELETION_JOB, None, {"evaluation": key})


def forsaken(connection: Connection, key: int) -> dict[int, bool]:
    """Return what the end of an evaluation leaves to erase: keys, and whether the evaluation itself goes, too.

    A commit that has succeeded takes the place of the older ones; a cancelled evaluation keeps nothing but its row.
    """
    row = connection.execute(select(evaluation).filter_by(id=key)).first()
    if row is None:
        return {}
    if row.deleted_at is not None:
        return {key: True}
    if row.status != SUCCEEDED:
        return {key: False}
    if row.purpose != COMMIT:
        return {}
    older = evaluation.c.run_id == row.run_id, evaluation.c.purpose == COMMIT, evaluation.c.id < key
    connection.execute(update(evaluation).where(*older, evaluation.c.deleted_at.is_(None)).values(deleted_at=now()))
    return {one: True for one in connection.execute(select(evaluation.c.id).where(*older)).scalars()}


def every_of_run(connection: Connection, run_key: int) -> list[int]:
    """Return the keys of all evaluations of a run, with commits and deleted ones."""
    return list(connection.execute(select(evaluation.c.id).filter_by(run_id=run_key)).scalars())


def every_of_model(connection: Connection, model_key: int) -> list[int]:
    """Return the keys of all evaluations of a model, with those of its runs, commits and deleted ones."""
    return list(connection.execute(select(evaluation.c.id).filter_by(model_id=model_key)).scalars())


def clear(connection: Connection, key: int) -> bool:
    """Erase some of what an evaluation holds; return False once there is nothing left."""
    some = select(match.c.item_id).filter_by(evaluation_id=key).limit(ERASED)
    if connection.execute(delete(match).where(match.c.evaluation_id == key, match.c.item_id.in_(some))).rowcount:
        return True
    number = select(evaluation_part.c.number).filter_by(evaluation_id=key).order_by("number").limit(1).scalar_subquery()
    some_parts = evaluation_part.c.evaluation_id == key, evaluation_part.c.number == number
    return bool(connection.execute(delete(evaluation_part).where(*some_parts)).rowcount)


def erase(connection: Connection, key: int) -> bool:
    """Erase a part of an evaluation that was deleted; return False once there is nothing left of it."""
    if clear(connection, key):
        return True
    connection.execute(delete(evaluation).where(evaluation.c.id == key))
    return False


def add_part(connection: Connection, key: int, number: int, part: Part) -> None:
    """Add what some items gave; those that were deleted meanwhile are left out."""
    arrays = [
        {"evaluation_id": key, "number": number, "kind": kind, "data": data} for kind, data in part.arrays.items()
    ]
    if arrays:
        connection.execute(insert(evaluation_part), arrays)
    there = set(connection.execute(select(item.c.id).where(item.c.id.in_([key for key, _ in part.matches]))).scalars())
    rows = [{"evaluation_id": key, "item_id": of, "rows": text} for of, text in part.matches if of in there]
    if rows:
        connection.execute(insert(match), rows)


def parts(connection: Connection, key: int, kind: str) -> Iterator[bytes]:
    """Yield the arrays of an evaluation, part by part."""
    rows = select(evaluation_part.c.data).filter_by(evaluation_id=key, kind=kind).order_by(evaluation_part.c.number)
    yield from connection.execute(rows, execution_options={"yield_per": 1}).scalars()


def matches(connection: Connection, key: int, dataset_key: int, after: int, size: int) -> list[tuple[int, str, str]]:
    """Return the matches of at most `size` items of a dataset behind the key `after`: the item's key, its id, rows.

    There are fewer, but one, where their texts are long: 100,000 objects of one item may have 400 MB.
    """
    rows = select(match.c.item_id, item.c.public_id, match.c.rows).join(item, item.c.id == match.c.item_id)
    rows = rows.where(match.c.evaluation_id == key, item.c.dataset_id == dataset_key, match.c.item_id > after)
    found: list[tuple[int, str, str]] = []
    characters = 0
    rows = rows.order_by(match.c.item_id).limit(size).execution_options(yield_per=_AT_ONCE)
    for one, of, text in connection.execute(rows):
        found.append((one, of, text))
        characters += len(text)
        if characters > READ:
            break
    return found


_OF_RUNS = {
    PENDING: runs.COMMITTING,
    COMPUTING: runs.COMMITTING,
    SUCCEEDED: runs.COMPLETED,
    FAILED: runs.FAILED,
    CANCELLED: runs.FAILED,
}


def _listed(connection: Connection, where: Any) -> list[Evaluation]:
    rows = _select().where(where, evaluation.c.purpose == EVALUATION).order_by(evaluation.c.id.desc())
    return [_evaluation(row) for row in connection.execute(rows)]


def _select() -> Select[Any]:
    columns = (
        evaluation.c.id,
        evaluation.c.public_id,
        evaluation.c.purpose,
        evaluation.c.model_id,
        model.c.public_id.label("model_public_id"),
        model.c.name.label("model_name"),
        evaluation.c.run_id,
        run.c.public_id.label("run_public_id"),
        run.c.name.label("run_name"),
        dataset.c.public_id.label("dataset_public_id"),
        evaluation.c.benchmark_id,
        job.c.public_id.label("job_public_id"),
        evaluation.c.name,
        evaluation.c.config,
        evaluation.c.selection,
        evaluation.c.status,
        evaluation.c.error,
        evaluation.c.revisions,
        evaluation.c.version,
        evaluation.c.counts,
        evaluation.c.created_at,
        evaluation.c.finished_at,
    )
    rows = select(*columns).join(model, model.c.id == evaluation.c.model_id)
    rows = rows.outerjoin(run, run.c.id == evaluation.c.run_id).outerjoin(dataset, dataset.c.id == run.c.dataset_id)
    rows = rows.outerjoin(job, job.c.id == evaluation.c.job_id)
    there = evaluation.c.deleted_at.is_(None), model.c.deleted_at.is_(None), run.c.deleted_at.is_(None)
    return rows.where(*there)


def _evaluation(row: Row[Any]) -> Evaluation:
    one = Evaluation._make(row)
    return one._replace(
        config=json.loads(row.config),
        selection=Selection.read(json.loads(row.selection)),
        revisions=json.loads(row.revisions),
        counts=json.loads(row.counts),
    )
