"""Jobs as clients see them, and the start of those that read an upload."""

import json
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from container.errors import BadRequest, Conflict
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import flag, read_document, shown, text, texts, whole
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.replies import reply
from container.store import datasets, jobs, uploads
from container.store.database import Connection
from container.store.datasets import Dataset

_STATUS = openapi.members(
    job_id=openapi.TEXT,
    status=openapi.TEXT,
    message=openapi.OBJECT,
    job_progress=openapi.TEXT,
    completed_steps=openapi.INTEGER,
    total_steps=openapi.INTEGER,
)
_FILTER = openapi.optional(
    dataset_id=openapi.TEXT,
    job_types=openapi.TEXTS,
    from_date=openapi.TEXT,
    to_date=openapi.TEXT,
    limit={"type": "integer", "minimum": 1, "maximum": jobs.MAX_LISTED},
    show_completed=openapi.FLAG,
)


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of jobs."""
    store = backend.store

    @blueprint.get(f"{PREFIX}/job/<job_id>")
    @openapi.described("How far a job is", _STATUS)
    def job_status(job_id: str) -> Response:
        with store.read() as connection:
            job = jobs.find(connection, job_id)
        done = job.status == jobs.COMPLETED
        return reply(
            {
                "job_id": job.id,
                "status": job.status,
                "message": job.message,
                "job_progress": f"{1.0 if done else min(job.progress, 0.99):.2f}",
                "completed_steps": int(done),
                "total_steps": 1,
            }
        )

    @blueprint.get(f"{PREFIX}/job/<job_id>/info")
    @openapi.described("A job", openapi.JOB)
    def job_info(job_id: str) -> Response:
        with store.read() as connection:
            return reply(shape(jobs.find(connection, job_id)))

    @blueprint.get(f"{PREFIX}/job/<job_id>/errors")
    @openapi.described("What a job could not do", openapi.TEXTS)
    def job_errors(job_id: str) -> Response:
        with store.read() as connection:
            return reply(jobs.errors(connection, jobs.find(connection, job_id).key))

    @blueprint.post(f"{PREFIX}/jobs")
    @openapi.described("Jobs, the newest first", {"type": "array", "items": openapi.JOB}, _FILTER)
    def listed_jobs() -> Response:
        document = read_document(request)
        with store.read() as connection:
            found = jobs.listed(
                connection,
                text(document, "dataset_id", "") or None,
                texts(document, "job_types"),
                _seconds(document, "from_date", 0.0),
                _seconds(document, "to_date", float("inf")),
                flag(document, "show_completed"),
                whole(document, "limit", jobs.MAX_LISTED, jobs.MAX_LISTED),
            )
        return reply([shape(job) for job in found])


def dated(seconds: float) -> str:
    """Return a moment, in seconds since 1970, as clients read it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def shape(job: jobs.Job) -> dict[str, str]:
    """Return a job as replies show it."""
    return {
        "job_id": job.id,
        "job_last_known_status": job.status,
        "job_type": job.type,
        "job_creation_time": dated(job.created_at),
    }


def begin(
    connection: Connection, dataset: Dataset, type: str, document: dict[str, Any], parameters: dict[str, Any]
) -> Response:
    """Start the job that reads the upload that a document names, or find it; return the reply with it.

    Raises BadRequest without a `requestId`, NotFound if nothing was uploaded as this request, and Conflict if that was
    taken by a job that does something else with it.
    """
    request_id = text(document, "requestId")
    parameters |= {"replace": flag(document, "update")}
    key = _request_key(dataset.id, request_id)
    datasets.lock(connection, dataset.key)  # the same request twice at once
    job_id = jobs.by_request(connection, key)
    if job_id is not None:
        job = jobs.find(connection, job_id)
        if job.type != type or not parameters.items() <= job.parameters.items():
            raise Conflict(
                f"request {shown(request_id)} is that of job {job.id}, {job.type}, which does something else"
            )
    else:
        upload = uploads.take(connection, dataset.key, request_id)
        parameters |= {"file": upload.file, "size": upload.size}
        job_id = jobs.create(connection, type, dataset.key, parameters, key)
    return reply(shape(jobs.find(connection, job_id)))


def check_new(connection: Connection, dataset_id: str, request_id: str) -> None:
    """Raise Conflict if a job has taken the upload of a request, so that nobody would read another one."""
    job_id = jobs.by_request(connection, _request_key(dataset_id, request_id))
    if job_id is not None:
        raise Conflict(f"request {shown(request_id)} is that of job {job_id}, which has its upload")


def _request_key(dataset_id: str, request_id: str) -> str:
    return json.dumps([dataset_id, request_id])


def asynchronous() -> bool:
    """Return whether this request asks for a job: ?async=1."""
    return request.args.get("async", "0").lower() in ("1", "true")


def _seconds(document: dict[str, Any], name: str, default: float) -> float:
    """Return a date as seconds since 1970, `default` if it is missing or null; without a zone it is UTC."""
    value = document.get(name)
    if value is None:
        return default
    try:
        date = datetime.fromisoformat(value)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        raise BadRequest(
            f"{name} is {shown(value)}; it takes a date such as 2024-03-31 or 2024-03-31T12:00:00"
        ) from None
