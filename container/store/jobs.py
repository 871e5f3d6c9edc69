"""Jobs: work that goes on after its request, as rows; whoever holds a job's lease does its next step.

A step is one transaction, in which the work, how far it is, and the lease are written together: after a crash another
process goes on behind the last step, and one that has lost its lease writes nothing more. So each step is done once.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select, update

from container.errors import NotFound, shown
from container.store.database import new_id, now
from container.store.store import Store
from container.store.tables import dataset, job, job_error
from container.store.upserts import among, batches, upsert

RUNNING, COMPLETED, ERRORED = "Running", "Completed", "Errored"
LEASE_SECONDS = 15.0  # without a step, after which another process takes a job over
MAX_ERRORS = 10_000  # texts that a job keeps, the newest
MAX_LISTED = 50_000


class Job(NamedTuple):
    """A job; times are seconds since 1970, `state` is what its last step left for the next."""

    key: int
    id: str
    type: str
    status: str
    dataset_key: int | None
    parameters: dict[str, Any]
    state: dict[str, Any]
    message: dict[str, Any]
    progress: float  # 0 to 1
    error_count: int
    created_at: float
    finished_at: float | None


class LeaseLost(Exception):
    """Another process has taken the job over."""


def create(
    connection: Connection,
    type: str,
    dataset_key: int | None,
    parameters: dict[str, Any],
    request_key: str | None = None,
) -> str:
    """Make a job, which runs from now on; return its id. The same request key again is the same job."""
    values = _values(type, dataset_key, parameters, request_key)
    connection.execute(upsert(connection, job, ("request_key",)), [values])
    if request_key is None:
        return str(values["public_id"])
    found = by_request(connection, request_key)
    assert found is not None
    return found


def create_done(
    connection: Connection, type: str, dataset_key: int | None, message: dict[str, Any], errors: list[str]
) -> str:
    """Make a job whose work is done in the same transaction; return its id."""
    values = _values(type, dataset_key, {}, None)
    done = {"status": COMPLETED, "message": json.dumps(message), "progress": 1.0, "finished_at": now()}
    done["error_count"] = len(errors)
    key = connection.execute(insert(job).values(values | done).returning(job.c.id)).scalar_one()
    _add_errors(connection, key, 0, errors)
    return str(values["public_id"])


def by_request(connection: Connection, request_key: str) -> str | None:
    """Return the id of the job of a request that was sent before, or None."""
    return connection.execute(
        select(job.c.public_id).where(among(connection, job.c.request_key, [request_key]))
    ).scalar()


def find(connection: Connection, job_id: str) -> Job:
    """Return a job; NotFound if there is none."""
    row = connection.execute(select(job).filter_by(public_id=job_id)).first()
    if row is None:
        raise NotFound(f"Job with id {shown(job_id)} doesn't exist.")
    return _job(row)


def errors(connection: Connection, key: int) -> list[str]:
    """Return the texts of what could not be done, the newest MAX_ERRORS of them, oldest first."""
    rows = select(job_error.c.text).filter_by(job_id=key).order_by(job_error.c.number.desc()).limit(MAX_ERRORS)
    return [*connection.execute(rows).scalars()][::-1]


def listed(
    connection: Connection,
    dataset_id: str | None = None,
    types: Sequence[str] = (),
    since: float = 0.0,
    until: float = float("inf"),
    completed: bool = True,
    limit: int = MAX_LISTED,
) -> list[Job]:
    """Return the newest jobs first: of a dataset, of some types, made in a time, with those that ended or without."""
    rows = select(job).where(job.c.created_at >= since).order_by(job.c.id.desc()).limit(min(limit, MAX_LISTED))
    if until != float("inf"):
        rows = rows.where(job.c.created_at <= until)
    if dataset_id is not None:
        rows = rows.where(job.c.dataset_id == select(dataset.c.id).filter_by(public_id=dataset_id).scalar_subquery())
    if types:
        rows = rows.where(job.c.type.in_(types))
    if not completed:
        rows = rows.where(job.c.status == RUNNING)
    return [_job(row) for row in connection.execute(rows)]


def claim(store: Store, owner: str, types: Sequence[str]) -> "Lease | None":
    """Take the oldest job of some types that runs and that nobody holds; None if there is none."""
    # A lease that ends too far away is of a clock that was set back since.
    over = (job.c.lease_until < now()) | (job.c.lease_until > now() + 2 * LEASE_SECONDS)
    free = select(job).where(job.c.status == RUNNING, over, job.c.type.in_(types))
    with store.read() as connection:
        if connection.execute(free.limit(1)).first() is None:
            return None
    with store.write() as connection:
        first = free.order_by(job.c.id).limit(1).with_for_update(skip_locked=True)  # which SQLite knows nothing of
        row = connection.execute(first).first()
        if row is None:
            return None
        lease = {"lease_owner": owner, "lease_until": now() + LEASE_SECONDS}
        mine = update(job).where(job.c.id == row.id, job.c.lease_until == row.lease_until).values(lease)
        return Lease(store, owner, _job(row)) if connection.execute(mine).rowcount else None


@dataclass
class Step:
    """A step of a job: what it writes with its work."""

    connection: Connection
    state: dict[str, Any]
    progress: float
    errors: list[str] = field(default_factory=list)


@dataclass
class Lease:
    """A job that this process holds."""

    store: Store
    owner: str
    job: Job

    @contextmanager
    def step(self) -> Iterator[Step]:
        """Give one transaction of the job; at its end its state, progress and errors are written and the lease goes on.

        Raises LeaseLost, with nothing written, if another process has the job.
        """
        with self.store.write() as connection:
            step = Step(connection, dict(self.job.state), self.job.progress)
            yield step
            self._write(connection, step, lease_until=now() + LEASE_SECONDS)
        self.job = self.job._replace(
            state=step.state, progress=step.progress, error_count=self.job.error_count + len(step.errors)
        )

    def finish(self, status: str, message: dict[str, Any]) -> None:
        """End the job."""
        with self.store.write() as connection:
            step = Step(connection, self.job.state, 1.0 if status == COMPLETED else self.job.progress)
            done = {"status": status, "message": json.dumps(message), "finished_at": now()}
            self._write(connection, step, lease_until=0.0, **done)

    def release(self) -> None:
        """Let another process go on."""
        with self.store.write() as connection:
            self._write(connection, Step(connection, self.job.state, self.job.progress), lease_until=0.0)

    def _write(self, connection: Connection, step: Step, **values: Any) -> None:
        values |= {
            "state": json.dumps(step.state),
            "progress": step.progress,
            "error_count": self.job.error_count + len(step.errors),
        }
        mine = job.c.id == self.job.key, job.c.lease_owner == self.owner, job.c.status == RUNNING
        if not connection.execute(update(job).where(*mine).values(values)).rowcount:
            raise LeaseLost
        _add_errors(connection, self.job.key, self.job.error_count, step.errors)


def _add_errors(connection: Connection, key: int, before: int, texts: Sequence[str]) -> None:
    """Write the texts of errors, of which a job has had `before`; the oldest beyond MAX_ERRORS go."""
    rows = [{"job_id": key, "number": before + i, "text": text} for i, text in enumerate(texts)]
    for some in batches(rows[-MAX_ERRORS:], 1000):
        connection.execute(insert(job_error), some)
    if before + len(rows) > MAX_ERRORS and rows:
        oldest = before + len(rows) - MAX_ERRORS
        connection.execute(delete(job_error).where(job_error.c.job_id == key, job_error.c.number < oldest))


def _values(type: str, dataset_key: int | None, parameters: dict[str, Any], request_key: str | None) -> dict[str, Any]:
    return {
        "public_id": new_id("job"),
        "type": type,
        "dataset_id": dataset_key,
        "request_key": request_key,
        "parameters": json.dumps(parameters),
        "status": RUNNING,
        "created_at": now(),
    }


def _job(row: Row[Any]) -> Job:
    return Job(
        row.id,
        row.public_id,
        row.type,
        row.status,
        row.dataset_id,
        json.loads(row.parameters),
        json.loads(row.state),
        json.loads(row.message),
        row.progress,
        row.error_count,
        row.created_at,
        row.finished_at,
    )
