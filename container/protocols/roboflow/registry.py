"""The models that are loaded, by the ids that they were asked for: list, load and unload."""

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, jsonify, request

from container.errors import BadRequest
from container.models.policies import Policy
from container.protocols.roboflow import openapi
from container.protocols.roboflow.v1 import model_id, object_body
from container.service import Services
from container.service.by_id import load
from container.web.body import read_json, takes_json
from container.web.openapi import operation


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes below /model, and those that older clients use."""
    policy = services.pool.policy

    @blueprint.get("/model/registry", strict_slashes=False)
    @operation("The models that are loaded", openapi.MODELS)
    def registry() -> Response:
        return _models(policy)

    @blueprint.post("/model/add", strict_slashes=False)
    @operation("Load a model, waiting for it", openapi.MODELS | openapi.LOAD_ERRORS, requestBody=openapi.MODEL_ID)
    @takes_json()
    def add() -> Response:
        load(model_id(object_body()), services)
        return _models(policy)

    @blueprint.post("/model/remove", strict_slashes=False)
    @operation(
        "Unload a model: its requests are finished, and its memory is free when this is answered",
        openapi.MODELS | openapi.UNLOAD_ERRORS,
        requestBody=openapi.MODEL_ID,
    )
    @takes_json()
    def remove() -> Response:
        policy.remove(model_id(object_body()))
        return _models(policy)

    @blueprint.post("/model/clear", strict_slashes=False)
    @operation("Unload all models", openapi.MODELS | openapi.UNLOAD_ERRORS)
    @takes_json()
    def clear() -> Response:
        with suppress(BadRequest):  # the body, if there is one, holds a key at most
            read_json(request)
        policy.clear()
        return _models(policy)

    @blueprint.get("/clear_cache", strict_slashes=False)
    @operation("Unload all models, as older clients ask for it", openapi.CLEARED | openapi.UNLOAD_ERRORS)
    def clear_cache() -> Response:
        policy.clear()
        return jsonify("All models are unloaded")

    @blueprint.get("/start/<project>/<version>", strict_slashes=False)
    @operation(
        "Load the model PROJECT/VERSION, waiting for it",
        openapi.STARTED | openapi.LOAD_ERRORS,
        parameters=openapi.EXAMPLE_PATH,
    )
    def start(project: str, version: str) -> Response:
        load(f"{project}/{version}", services)
        return jsonify(status=200, message=f"model {project}/{version} is loaded")


def _models(policy: Policy) -> Response:
    """Return the rows of loaded models; sides are null, as our models take pictures of any size."""
    rows: list[dict[str, Any]] = [
        {
            "model_id": row.id,
            "task_type": row.task.replace(" ", "-"),
            "batch_size": None,
            "input_height": None,
            "input_width": None,
            "vram_bytes": row.cost,
        }
        for row in policy.rows()
    ]
    return jsonify(models=rows)
