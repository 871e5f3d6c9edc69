"""POST /doctr/ocr, /easy_ocr/ocr and /ocr/pp-ocr: the text in pictures, all by one reader; /ocr/trocr: of one line."""

import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, g

from container.images.sources import read_json as read_image
from container.images.sources import sources
from container.models.policies import Policy
from container.protocols.roboflow import openapi
from container.protocols.roboflow.fields import read_member
from container.protocols.roboflow.inference import answer_each, check_count
from container.protocols.roboflow.responses import answered
from container.protocols.roboflow.segmenting import read_version
from container.protocols.roboflow.v1 import object_body, pictures
from container.service import Services, by_id, reading
from container.service.pipeline import Run
from container.structures.strict_json import dump, join_array
from container.structures.texts import Reading, TextQuery, Word
from container.web.body import takes_json
from container.web.openapi import operation

PREFIXES = ("/doctr", "/easy_ocr", "/ocr")
_PATHS = ("/doctr/ocr", "/easy_ocr/ocr", "/ocr/pp-ocr")
_BOXES = "generate_bounding_boxes"
_TEXTS = {
    "200": {"description": "An answer for a picture, a list of them for a list", "content": {"application/json": {}}},
    **openapi.INFERENCE_ERRORS,
    "501": openapi.error("What reading needs is not there"),
}


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes of all readers that clients know."""
    images = openapi.pictures(sources["url"].available(services.pipeline.limits))
    body = openapi.with_example(
        openapi.body("image", image=images, **{_BOXES: {"type": "boolean", "nullable": True, "default": False}}),
        {"image": openapi.EXAMPLE_PICTURE},
    )
    for path in _PATHS:

        @operation("Pictures in; the text in them out", _TEXTS, requestBody=body)
        @takes_json()
        def view() -> Response:
            return _read(object_body(), reading.reader, services)

        endpoint = path.strip("/").replace("/", "_").replace("-", "_")
        blueprint.add_url_rule(path, endpoint, view, methods=["POST"], strict_slashes=False)

    @blueprint.post("/ocr/trocr", strict_slashes=False)
    @operation("Pictures of one line each in; their text out", _TEXTS, requestBody=body)
    @takes_json()
    def trocr() -> Response:
        document = object_body()

        def find(policy: Policy) -> str:
            return reading.line_reader(read_version(reading.TROCR, document), policy)

        return _read(document, find, services)


def _read(document: dict[str, Any], find: Callable[[Policy], str], services: Services) -> Response:
    with by_id.loading(services, g.context) as policy:
        model_id = find(policy)
        values, boxes = pictures(document), read_member(document, _BOXES, bool, False)
        check_count(values, services.pipeline.limits)
        named = by_id.load(model_id, services)
    begun = time.monotonic()
    g.context.fields |= {"model_id": model_id}

    def answer(run: Run, value: Any) -> bytes:
        (image,) = run.decode(partial(read_image, value)).images
        (read,) = run.ask([TextQuery(image.pixels)])
        return run.write(partial(_document, read, boxes, begun), [read])

    bodies = answer_each(values, named, services, answer)
    body = join_array(bodies) if isinstance(document["image"], list) else bodies[0]
    return answered(body, "application/json", model_id, named.load_seconds)


def _document(read: Reading, boxes: bool, begun: float) -> bytes:
    members: dict[str, Any] = {"result": read.text, "parent_id": None}
    if boxes:
        height, width = read.image_size
        members |= {"image": {"width": width, "height": height}, "predictions": [*map(_prediction, read.words)]}
    return dump(members | {"time": round(time.monotonic() - begun, 6)})


def _prediction(word: Word) -> dict[str, object]:
    """Return a word as clients know what detectors find: a box by its centre, whose class is the word."""
    left, top, right, bottom = word.box
    return {
        "x": round((left + right) / 2, 2),
        "y": round((top + bottom) / 2, 2),
        "width": round(right - left, 2),
        "height": round(bottom - top, 2),
        "confidence": round(word.score, 4),
        "class": word.text,
        "class_id": 0,
        "detection_id": str(uuid.uuid4()),
    }
