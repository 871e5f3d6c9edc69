"""POST /infer/TASK: pictures and fields in a JSON body, an object for one picture and a list for a list."""

from typing import Any

from flask import Blueprint, Response, g, request

from container.errors import BadRequest
from container.images.sources import read_json as read_image
from container.images.sources import sources
from container.protocols.roboflow import openapi
from container.protocols.roboflow.fields import WrongType, from_document
from container.protocols.roboflow.inference import TASKS, Asked, infer
from container.protocols.roboflow.responses import answered
from container.service import Services
from container.structures.strict_json import join_array
from container.web.body import MAX_PARTS, read_json, takes_json
from container.web.openapi import operation

_HINT = '{"model_id": "maskrcnn/1", "image": {"type": "base64", "value": "…"}}'


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the route of each task."""
    for path, task in TASKS.items():
        view = _view(task, services)
        blueprint.add_url_rule(f"/infer/{path}", f"infer_{path}", view, methods=["POST"], strict_slashes=False)


def _view(task: str, services: Services) -> Any:
    described = openapi.inference(task, sources["url"].available(services.pipeline.limits))

    @operation(f"Pictures in; {task} by the model `model_id` out", openapi.ANSWERS, requestBody=described)
    @takes_json()
    def view() -> Response:
        document = object_body()
        asked = _asked(document, task)
        found = infer(asked, services, g.context)
        body = join_array(found.bodies) if isinstance(document["image"], list) else found.bodies[0]
        return answered(body, "application/json", asked.model_id, found.load_seconds)

    return view


def object_body(max_parts: int = MAX_PARTS) -> dict[str, Any]:
    """Return the JSON object that a request carries; BadRequest if it is none."""
    document = read_json(request, max_parts)
    if not isinstance(document, dict):
        raise BadRequest("the JSON body is no object", hint=_HINT)
    return document


def model_id(document: dict[str, Any]) -> str:
    """Return the id of the model; WrongType without one."""
    name = document.get("model_id")
    if not isinstance(name, str) or not name:
        wrong = "is missing" if name in (None, "") else "is no string"
        raise WrongType(
            f"model_id of the JSON body {wrong}; it takes the id of a model, such as maskrcnn/1", "model_id", name
        )
    return name


def pictures(document: dict[str, Any]) -> list[Any]:
    """Return the values of a request's pictures, one or a list of them; WrongType without any."""
    values = document.get("image")
    if values is None or values == []:
        raise WrongType(
            f"image of the JSON body is {'missing' if values is None else 'empty'}; such as {_HINT}", "image", values
        )
    return values if isinstance(values, list) else [values]


def _asked(document: dict[str, Any], task: str) -> Asked:
    values, fields = pictures(document), from_document(document)
    return Asked(model_id(document), fields, values, read_image, task, picture=fields.visualize_predictions)
