"""Models, their tags and the slices that they were trained on."""

from collections.abc import Iterator

from flask import Blueprint, Response, request

from container.errors import BadRequest
from container.protocols.nucleus import openapi
from container.protocols.nucleus.backend import Backend
from container.protocols.nucleus.bodies import kept, read_document, text, texts
from container.protocols.nucleus.names import PREFIX
from container.protocols.nucleus.replies import dump, members, reply, spliced, streamed, streamed_array
from container.protocols.nucleus.work import MODEL_DELETION
from container.store import jobs, models, runs, tags
from container.store.store import Store

_MODEL = openapi.members(id=openapi.TEXT, name=openapi.TEXT, ref_id=openapi.TEXT, metadata=openapi.OBJECT)
_NEW = openapi.members(name=openapi.NAME, reference_id=openapi.NAME)
_TAGS = openapi.members(tags=openapi.TEXTS)
_SLICES = openapi.members(trained_slice_ids=openapi.TEXTS)


def add_routes(blueprint: Blueprint, backend: Backend) -> None:
    """Add the routes of models."""
    _add_models(blueprint, backend)
    _add_details(blueprint, backend.store)


def _add_models(blueprint: Blueprint, backend: Backend) -> None:
    store = backend.store

    @blueprint.post(f"{PREFIX}/models/add")
    @openapi.described(
        "Make a model, or find the one of this reference_id", openapi.members(model_id=openapi.TEXT), _NEW
    )
    def create_model() -> Response:
        document = read_document(request)
        name, reference_id = text(document, "name"), text(document, "reference_id")
        metadata = kept(document, "metadata")
        bundle_name = text(document, "bundle_name", "") or None
        names, slices = texts(document, "tags"), texts(document, "trained_slice_ids")
        with store.write() as connection:
            model_id = models.create(connection, name, reference_id, metadata, bundle_name)
            model = models.find(connection, model_id, change=True)
            tags.OF_MODELS.add(connection, model.key, names)
            if slices:
                models.set_trained_slices(connection, model.key, _joined(model, slices))
        return reply({"model_id": model_id})

    @blueprint.get(f"{PREFIX}/models")
    @openapi.described("All models", openapi.members(models={"type": "array", "items": _MODEL}))
    def every_model() -> Response:
        def pieces() -> Iterator[str]:
            with store.read() as connection:
                by_model = tags.OF_MODELS.every(connection)
                yield '{"models":'
                yield from streamed_array(_model(one, by_model.get(one.key, [])) for one in models.every(connection))
                yield "}"

        return streamed(pieces())

    @blueprint.get(f"{PREFIX}/model/<model_id>")
    @openapi.described("A model, by its id or that of one of its runs", _MODEL)
    def model(model_id: str) -> Response:
        with store.read() as connection:
            model = models.find(connection, model_id)
            return spliced(_model(model, tags.OF_MODELS.of(connection, model.key)))

    @blueprint.delete(f"{PREFIX}/model/<model_id>")
    @openapi.described("Delete a model with its runs and their predictions", openapi.members(msg=openapi.TEXT))
    def remove_model(model_id: str) -> Response:
        with store.write() as connection:
            model = models.find(connection, model_id)
            models.remove(connection, model.key)
            jobs.create(connection, MODEL_DELETION, None, {"model": model.key})
        backend.runner.wake()
        return reply({"msg": "Model deletion running in an async job"})

    @blueprint.get(f"{PREFIX}/model/<model_id>/modelRun")
    @openapi.described("The ids of a model's runs", openapi.TEXTS)
    def runs_of_model(model_id: str) -> Response:
        with store.read() as connection:
            model = models.find(connection, model_id)
            return reply([run.id for run in runs.of_model(connection, model.key)])


def _add_details(blueprint: Blueprint, store: Store) -> None:
    @blueprint.post(f"{PREFIX}/model/<model_id>/tag")
    @openapi.described("Add tags to a model", _TAGS, _TAGS)
    def add_model_tags(model_id: str) -> Response:
        names = texts(read_document(request), "tags")
        with store.write() as connection:
            model = models.find(connection, model_id)
            tags.OF_MODELS.add(connection, model.key, names)
            return reply({"tags": tags.OF_MODELS.of(connection, model.key)})

    @blueprint.delete(f"{PREFIX}/model/<model_id>/tag")
    @openapi.described("Remove tags from a model", _TAGS, _TAGS)
    def remove_model_tags(model_id: str) -> Response:
        names = texts(read_document(request), "tags")
        with store.write() as connection:
            model = models.find(connection, model_id)
            if not tags.OF_MODELS.remove(connection, model.key, names):
                raise BadRequest("Deleted 0 tags from model. The specified tag(s) were not found.")
            return reply({"tags": tags.OF_MODELS.of(connection, model.key)})

    @blueprint.post(f"{PREFIX}/model/<model_id>/trainedSliceId")
    @openapi.described("Add slices that a model was trained on", _SLICES, _SLICES)
    def add_slices(model_id: str) -> Response:
        ids = texts(read_document(request), "trained_slice_ids")
        with store.write() as connection:
            model = models.find(connection, model_id, change=True)
            ids = _joined(model, ids)
            models.set_trained_slices(connection, model.key, ids)
        return reply({"trained_slice_ids": ids})

    @blueprint.delete(f"{PREFIX}/model/<model_id>/trainedSliceId")
    @openapi.described("Remove slices that a model was trained on", _SLICES, _SLICES)
    def remove_slices(model_id: str) -> Response:
        removed = set(texts(read_document(request), "trained_slice_ids"))
        with store.write() as connection:
            model = models.find(connection, model_id, change=True)
            ids = [one for one in model.trained_slice_ids if one not in removed]
            models.set_trained_slices(connection, model.key, ids)
        return reply({"trained_slice_ids": ids})


def _joined(model: models.Model, ids: list[str]) -> list[str]:
    return list(dict.fromkeys(model.trained_slice_ids + ids))


def _model(model: models.Model, names: list[str]) -> str:
    facts = {
        "id": model.id,
        "name": model.name,
        "ref_id": model.reference_id,
        "bundle_name": model.bundle_name,
        "tags": names,
        "trained_slice_ids": model.trained_slice_ids,
    }
    return members({**{name: dump(value) for name, value in facts.items()}, "metadata": model.metadata})
