"""POST /clip/embed_image, /clip/embed_text and /clip/compare: pictures and texts as vectors, and their similarity."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import orjson
from flask import Blueprint, Response, g

from container.errors import MAX_SHOWN, BadRequest
from container.images.sources import given_json
from container.protocols.roboflow import openapi
from container.protocols.roboflow.fields import WrongType, read_member
from container.protocols.roboflow.responses import answered
from container.protocols.roboflow.segmenting import load_version
from container.protocols.roboflow.v1 import object_body
from container.service import Services
from container.service.embedding import CLIP, Embedder, Picture
from container.structures.clip import MAX_ITEMS, similarity
from container.structures.strict_json import dump, join_object, numbers
from container.web.body import takes_json
from container.web.openapi import operation

_TYPES = ("image", "text")
_HINTS = {"image": '{"type": "base64", "value": "…"}', "text": '"a photo of a cat"'}

_KIND = {"type": "string", "enum": [*_TYPES]}
_NULL: dict[str, Any] = {"type": "string", "nullable": True, "enum": [None]}
_VERSION = {"clip_version_id": openapi.TEXT, "id": openapi.TEXT}
_COMMON = {"inference_id": openapi.TEXT, "frame_id": _NULL, "time": openapi.NUMBER}
_EMBEDDED = openapi.answer("A vector for each", **_COMMON, embeddings=openapi.LIST) | openapi.VERSION_ERRORS
_SIMILARITY = {"anyOf": [openapi.LIST, {"type": "object"}], "description": "Cosines: a list, or an object by name"}
_COMPARED = (
    openapi.answer("Of each prompt", **_COMMON, parent_id=_NULL, similarity=_SIMILARITY) | openapi.VERSION_ERRORS
)


def _some(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1, "maxItems": MAX_ITEMS}]}


_EXAMPLE_TEXTS = ["a photo of a person", "a photo of a car"]
_EMBED_IMAGE = openapi.with_example(
    openapi.body("image", **_VERSION, image=_some(openapi.PICTURE)), {"image": openapi.EXAMPLE_PICTURE}
)
_EMBED_TEXT = openapi.with_example(openapi.body("text", **_VERSION, text=_some(openapi.TEXT)), {"text": _EXAMPLE_TEXTS})
_COMPARE_BODY = openapi.body(
    "subject",
    "prompt",
    **_VERSION,
    subject={"description": "A picture or a text"},
    subject_type=_KIND,
    prompt={"description": "A picture or a text, a list of them, or an object of them by name"},
    prompt_type=_KIND,
)
_COMPARE = openapi.with_example(_COMPARE_BODY, {"subject": openapi.EXAMPLE_PICTURE, "prompt": _EXAMPLE_TEXTS})

Members = Callable[[np.ndarray], Mapping[str, bytes]]  # makes members of an answer of float32 N×D vectors


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes below /clip."""

    @blueprint.post("/clip/embed_image", strict_slashes=False)
    @operation("Embed pictures", _EMBEDDED, requestBody=_EMBED_IMAGE)
    @takes_json()
    def clip_embed_image() -> Response:
        document = object_body()
        return _respond(document, _contents(document, "image", "image"), _embeddings, services)

    @blueprint.post("/clip/embed_text", strict_slashes=False)
    @operation("Embed texts", _EMBEDDED, requestBody=_EMBED_TEXT)
    @takes_json()
    def clip_embed_text() -> Response:
        document = object_body()
        return _respond(document, _contents(document, "text", "text"), _embeddings, services)

    @blueprint.post("/clip/compare", strict_slashes=False)
    @operation("Compare a picture or a text with others", _COMPARED, requestBody=_COMPARE)
    @takes_json()
    def clip_compare() -> Response:
        document = object_body()
        kinds = [_kind(document, "subject_type", "image"), _kind(document, "prompt_type", "text")]
        if isinstance(document.get("subject"), list):
            raise WrongType("subject is a list; it takes one picture or text", "subject", document["subject"])
        names, prompts = _named(document, kinds[1])
        contents = [*_contents(document, "subject", kinds[0]), *_contents(prompts, "prompt", kinds[1])]

        def make(vectors: np.ndarray) -> Mapping[str, bytes]:
            cosines = numbers(similarity(vectors[0], vectors[1:]))
            found = cosines if names is None else dict(zip(names, cosines, strict=True))
            return {"parent_id": dump(None), "similarity": dump(found)}

        return _respond(document, contents, make, services)


def _respond(
    document: Mapping[str, Any], contents: Sequence[str | Picture], make: Members, services: Services
) -> Response:
    """Return the answer with what `make` makes of the vectors of `contents`, by the model that a request names."""
    begun, inference_id = time.monotonic(), document.get("id") or str(uuid.uuid4())
    if not isinstance(inference_id, str):
        raise WrongType(f"id is {ascii(inference_id)[:MAX_SHOWN]}; it takes a text", "id", inference_id)
    named, model_id = load_version(CLIP, document, services)
    with services.pipeline.open(named.key, g.context) as run:
        vectors = Embedder(run, services.embeddings).embed(contents)
        members = run.write(partial(make, vectors), [])
    seconds = round(time.monotonic() - begun, 6)
    common = {"inference_id": dump(inference_id), "frame_id": dump(None), "time": dump(seconds)}
    pictures = sum(not isinstance(one, str) for one in contents)
    g.context.fields |= {"pictures": pictures, "n": len(contents), "stages_ms": g.context.rounded()}
    return answered(join_object({**common, **members}), "application/json", model_id, named.load_seconds)


def _embeddings(vectors: np.ndarray) -> Mapping[str, bytes]:
    return {"embeddings": orjson.dumps(vectors, option=orjson.OPT_SERIALIZE_NUMPY)}


def _kind(document: Mapping[str, Any], name: str, usual: str) -> str:
    kind: str = read_member(document, name, str, usual, _TYPES)
    return kind


def _named(document: Mapping[str, Any], kind: str) -> tuple[list[str] | None, Mapping[str, Any]]:
    """Return the names of prompts that are an object, and the prompts without them."""
    given = document.get("prompt")
    if not isinstance(given, dict) or (kind == "image" and "type" in given and "value" in given):
        return None, document
    return [*given], {"prompt": [*given.values()]}


def _contents(document: Mapping[str, Any], name: str, kind: str) -> list[str | Picture]:
    """Return the pictures or texts of a member, one or a list; WrongType, BadRequest for none or over MAX_ITEMS."""
    given = document.get(name)
    if given is None:
        raise WrongType(f"{name} of the JSON body is missing; such as {_HINTS[kind]}", name, None)
    values = given if isinstance(given, list) else [given]
    if not 1 <= len(values) <= MAX_ITEMS:
        raise BadRequest(
            f"{name} holds {len(values)} {kind}s; one request takes 1 to {MAX_ITEMS}",
            hint="send several requests; inference_sdk does with max_batch_size",
        )
    if kind == "image":
        return [partial(given_json, value) for value in values]
    if wrong := [value for value in values if not isinstance(value, str)]:
        raise WrongType(f"{name} holds {ascii(wrong[0])[:MAX_SHOWN]}; it takes texts", name, wrong[0])
    return values
