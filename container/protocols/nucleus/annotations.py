"""Ground truth: uploaded, read one by one, and deleted."""

from flask import Blueprint, Response, request

from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import read_document, texts
from container.protocols.nucleus.intake import Target, take
from container.protocols.nucleus.jobs import asynchronous, begin, shape
from container.protocols.nucleus.names import PREFIX, look_up
from container.protocols.nucleus.readings import find_one
from container.protocols.nucleus.replies import reply, spliced
from container.protocols.nucleus.work import ANNOTATION_DELETION, UPLOAD_ANNOTATIONS
from container.store import datasets, jobs
from container.store.annotations import TRUTH

MAX_REFERENCES = 100_000  # whose annotations one request deletes
_DONE = openapi.members(
    dataset_id=openapi.TEXT, annotations_processed=openapi.INTEGER, annotations_ignored=openapi.INTEGER
)


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of ground truth."""
    store = backend.store

    @blueprint.post(f"{PREFIX}/dataset/<dataset_id>/annotate")
    @openapi.described(
        "Add ground truth", openapi.either(_DONE, openapi.JOB), openapi.UPLOADED, parameters=[openapi.ASYNC]
    )
    def annotate(dataset_id: str) -> Response:
        with store.read() as connection:
            dataset = datasets.find(connection, dataset_id)
        if asynchronous():
            document = read_document(request)
            with store.write() as connection:
                answer = begin(connection, dataset, UPLOAD_ANNOTATIONS, document, {"dataset": dataset.id})
            backend.runner.wake()
            return answer
        counts = take(backend, lambda connection: Target(TRUTH, datasets.find(connection, dataset_id).key), truth=True)
        return reply(
            {
                "dataset_id": dataset.id,
                "annotations_processed": counts.processed,
                "annotations_ignored": counts.ignored,
                **({"errors": counts.errors} if counts.errors else {}),
            }
        )

    @blueprint.get(f"{PREFIX}/dataset/<dataset_id>/groundTruth/loc/<tail:name>")
    @openapi.described("One annotation, by reference_id/annotation_id", openapi.OBJECT)
    def annotation(dataset_id: str, name: str) -> Response:
        with store.read() as connection:
            dataset = datasets.find(connection, dataset_id)
            found = look_up(name, lambda spelling: find_one(connection, TRUTH, [dataset.key], spelling))
            return spliced(backend.shapes.one(found))

    @blueprint.delete(f"{PREFIX}/annotation/<dataset_id>")
    @openapi.described(
        "Delete ground truth: that of some items, or all of it",
        openapi.JOB,
        openapi.optional(reference_ids=openapi.TEXTS, keep_history=openapi.FLAG),
    )
    def remove_annotations(dataset_id: str) -> Response:
        names = texts(read_document(request), "reference_ids", most=MAX_REFERENCES)
        with store.write() as connection:
            dataset = datasets.find(connection, dataset_id)
            parameters = {"dataset": dataset.id, "reference_ids": names}
            job = jobs.create(connection, ANNOTATION_DELETION, dataset.key, parameters)
            answer = reply(shape(jobs.find(connection, job)))
        backend.runner.wake()
        return answer
