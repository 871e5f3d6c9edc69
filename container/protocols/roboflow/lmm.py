"""POST /infer/lmm and /llm/cogvlm: questions about pictures, answered in words."""

import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from typing import Any

from flask import Blueprint, Response, g

from container.errors import MAX_SHOWN, BadRequest
from container.images.sources import numbered, read_json, sources
from container.models.policies import Policy
from container.protocols.roboflow import openapi
from container.protocols.roboflow.fields import WrongType, read_member
from container.protocols.roboflow.inference import check_count
from container.protocols.roboflow.responses import answered
from container.protocols.roboflow.v1 import model_id, object_body
from container.service import Services, by_id
from container.service.language import FOLDER, find, find_cogvlm
from container.service.pipeline import Run
from container.structures import Image
from container.structures.lmm import MAX_PROMPT, MAX_TOKENS, USUAL_TOKENS, Question
from container.structures.strict_json import dump, join_array, join_object
from container.web.body import takes_json
from container.web.openapi import operation, path_parameter

_ASKED: dict[str, Any] = {
    "prompt": {"type": "string", "maxLength": MAX_PROMPT},
    "max_new_tokens": {"type": "integer", "minimum": 1, "maximum": MAX_TOKENS, "default": USUAL_TOKENS},
    "id": {"type": "string"},
}
_EXAMPLE_ID = "lmm/smolvlm"
_EXAMPLE = {"image": openapi.EXAMPLE_PICTURE, "prompt": "What is in the picture?"}
_MODEL: dict[str, Any] = {"model_id": {"type": "string", "example": _EXAMPLE_ID}}
_THINKING: dict[str, Any] = {"enable_thinking": {"type": "boolean"}}
_HISTORY: dict[str, Any] = {
    "history": {
        "type": "array",
        "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
        "description": "Earlier prompts about the picture, with their answers",
    }
}
_REPLY = {
    "type": "object",
    "required": ["response", "image", "inference_id", "time"],
    "properties": {
        "response": {"type": "string"},
        "image": {"type": "object", "properties": {"width": {"type": "integer"}, "height": {"type": "integer"}}},
        "inference_id": {"type": "string"},
        "time": {"type": "number", "description": "Seconds"},
    },
}
_REPLIES = {
    "200": {
        "description": "What the model says of the picture; a list for a list of pictures",
        "content": {"application/json": {"schema": {"anyOf": [_REPLY, {"type": "array", "items": _REPLY}]}}},
    },
    **openapi.INFERENCE_ERRORS,
    "501": openapi.error("There is no such model"),
}


def add_routes(blueprint: Blueprint, services: Services, cogvlm: str) -> None:
    """Add the routes; `cogvlm` is the id of the model that answers for CogVLM, "" for the only one."""
    asked = {**_ASKED, "image": openapi.pictures(sources["url"].available(services.pipeline.limits))}

    @blueprint.post("/infer/lmm", strict_slashes=False)
    @operation(
        "Ask the language model `model_id` about pictures",
        _REPLIES,
        requestBody=openapi.with_example(
            openapi.body("model_id", "image", **_MODEL, **asked, **_THINKING), {"model_id": _EXAMPLE_ID, **_EXAMPLE}
        ),
    )
    @takes_json()
    def infer_lmm() -> Response:
        document = object_body()
        return _answer(document, partial(find, model_id(document)), services)

    @blueprint.post("/infer/lmm/<path:name>", strict_slashes=False)
    @operation(
        "Ask a language model about pictures",
        _REPLIES,
        requestBody=openapi.with_example(openapi.body("image", **asked, **_THINKING), _EXAMPLE),
        parameters=[path_parameter("name", _EXAMPLE_ID)],
    )
    @takes_json()
    def infer_lmm_named(name: str) -> Response:
        return _answer(object_body(), partial(find, name.rstrip("/")), services)

    @blueprint.post("/llm/cogvlm", strict_slashes=False)
    @operation(
        "Ask a language model about pictures, as older clients ask CogVLM",
        _REPLIES,
        requestBody=openapi.with_example(openapi.body("prompt", "image", **asked, **_HISTORY), _EXAMPLE),
    )
    @takes_json()
    def prompt_cogvlm() -> Response:
        return _answer(object_body(), partial(find_cogvlm, cogvlm), services)


def _answer(document: Mapping[str, Any], find_model: Callable[[Policy], str], services: Services) -> Response:
    """Return the answers for the pictures of a request, which are decoded and asked about one at a time."""
    asked, values, begun = _question(document), document.get("image"), time.monotonic()
    several = isinstance(values, list)
    pictures = values if isinstance(values, list) else [values]
    if values is None or not pictures:
        raise WrongType(
            "image of the JSON body is missing or empty; it takes a picture, or a list of them", "image", values
        )
    check_count(pictures, services.pipeline.limits)
    with by_id.loading(services, g.context) as policy:
        name = find_model(policy)
        named = by_id.load(name, services)
    g.context.fields |= {"model_id": name[:200]}
    bodies: list[bytes] = []
    for number, value in enumerate(pictures, 1):
        with services.pipeline.open(named.key, g.context) as run:
            if run.engine.task != FOLDER:
                raise BadRequest(f"model {name[:MAX_SHOWN]!r} is for {run.engine.task}, and answers no questions")
            run.admit(len(pictures) - len(bodies))
            with numbered(number, len(pictures)) if several else nullcontext():
                image = _decoded(value, run)
            (response,) = run.ask([asked.about(image.pixels)])
        height, width = image.size
        members = {
            "response": response,
            "image": {"width": width, "height": height},
            "inference_id": read_member(document, "id", str) or str(uuid.uuid4()),
            "time": round(time.monotonic() - begun, 6),
        }
        bodies.append(join_object({key: dump(one) for key, one in members.items()}))
    g.context.fields |= {"n": len(bodies), "pictures": len(bodies), "stages_ms": g.context.rounded()}
    return answered(join_array(bodies) if several else bodies[0], "application/json", name, named.load_seconds)


def _decoded(value: object, run: Run) -> Image:
    images = run.decode(lambda limits, share: read_json(value, limits, share)).images
    if len(images) != 1:
        raise BadRequest(f"the value of a picture holds {len(images)}; send a list of pictures for several")
    return images[0]


def _question(document: Mapping[str, Any]) -> Question:
    """Return what a JSON body asks; WrongType for another type, BadRequest for what is out of range."""
    thinking, most = read_member(document, "enable_thinking", bool), document.get("max_new_tokens")
    if most is None:
        most = USUAL_TOKENS
    if not isinstance(most, int) or isinstance(most, bool):
        raise WrongType(f"max_new_tokens is {ascii(most)[:MAX_SHOWN]}; it takes a whole number", "max_new_tokens", most)
    if not 1 <= most <= MAX_TOKENS:
        raise BadRequest(f"max_new_tokens is {ascii(most)[:MAX_SHOWN]}; it takes 1 to {MAX_TOKENS}")
    asked = Question(read_member(document, "prompt", str), _history(document.get("history")), most, thinking)
    if asked.fault:
        raise BadRequest(asked.fault, hint="ask in fewer words")
    return asked


def _history(value: object) -> list[tuple[str, str]]:
    """Return the pairs of earlier prompts and answers."""
    pairs = [] if value is None else value
    if not isinstance(pairs, list) or not all(map(_is_pair, pairs)):
        raise WrongType('history takes a list of pairs of texts, such as [["what is it?", "a cat"]]', "history", value)
    return [(prompt, answer) for prompt, answer in pairs]


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(one, str) for one in value)
