"""POST /doctr/ocr, /easy_ocr/ocr and /ocr/pp-ocr: the text in pictures, all three by one reader; /ocr/trocr."""

import time
import uuid
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any

from flask import Blueprint, Response, g, request

from container.errors import MAX_SHOWN, BadRequest, NotOffered, PayloadTooLarge, setting_name
from container.images.sources import numbered, sources
from container.images.sources import read_json as read_image
from container.protocols.roboflow import openapi
from container.protocols.roboflow.fields import WrongType
from container.protocols.roboflow.responses import answered
from container.protocols.roboflow.v1 import object_body, pictures
from container.service import Services, by_id
from container.structures.strict_json import dump, join_array
from container.structures.texts import Reading, TextQuery, Word
from container.web.body import read_json, takes_json
from container.web.openapi import operation

PREFIXES = ("/doctr", "/easy_ocr", "/ocr")
_PATHS = ("/doctr/ocr", "/easy_ocr/ocr", "/ocr/pp-ocr")
_BOXES = "generate_bounding_boxes"
_TEXTS = {
    "200": {"description": "An answer for a picture, a list of them for a list", "content": {"application/json": {}}},
    **openapi.INFERENCE_ERRORS,
    "501": openapi.error("What reading needs is not installed"),
}


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes of all readers that clients know."""
    images = openapi.pictures(sources["url"].available(services.pipeline.limits))
    body = openapi.body("image", image=images, **{_BOXES: {"type": "boolean", "nullable": True, "default": False}})
    for path in _PATHS:

        @operation("Pictures in; the text in them out", _TEXTS, requestBody=body)
        @takes_json()
        def view() -> Response:
            return _read(object_body(), services)

        endpoint = path.strip("/").replace("/", "_").replace("-", "_")
        blueprint.add_url_rule(path, endpoint, view, methods=["POST"], strict_slashes=False)

    @blueprint.post("/ocr/trocr", strict_slashes=False)
    @operation("Not offered: TrOCR is answered with 501", openapi.UNAVAILABLE)
    @takes_json()
    def trocr() -> Response:
        with suppress(BadRequest):  # read: a client that is refused while it sends sees a broken connection
            read_json(request)
        raise NotOffered(
            "TrOCR is not offered by this server",
            hint=f"{setting_name('model_store')}/trocr/VERSION/ is not read yet; POST {', '.join(_PATHS)} read text",
        )


def _read(document: dict[str, Any], services: Services) -> Response:
    already = time.monotonic() - g.context.started
    services.pool.settle(services.deadline_seconds)
    services.pool.policy.check_started()
    model_id = by_id.reader(services.pool.policy)
    values, boxes = pictures(document), _flag(document)
    if len(values) > (most := services.pipeline.limits.max_images):
        raise PayloadTooLarge(f"the list holds {len(values)} pictures; at most {most} are allowed")
    named = by_id.load(model_id, services)
    begun = time.monotonic()
    g.context.restart(begun - already)
    g.context.fields |= {"model_id": model_id}
    bodies, found = list[bytes](), 0
    for number, value in enumerate(values, 1):
        place = numbered(number, len(values)) if len(values) > 1 else nullcontext()
        with place, services.pipeline.open(named.key, g.context) as run:
            run.admit(len(values) - len(bodies))
            (image,) = run.decode(partial(read_image, value)).images
            (read,) = run.ask([TextQuery(image.pixels)])
            bodies.append(run.write(partial(_document, read, boxes, begun), [read]))
            found += run.found
    g.context.fields |= {"n": found, "pictures": len(bodies), "stages_ms": g.context.rounded()}
    body = join_array(bodies) if isinstance(document["image"], list) else bodies[0]
    return answered(body, "application/json", model_id, named.load_seconds)


def _flag(document: dict[str, Any]) -> bool:
    """Return whether the answer has boxes; WrongType for what is no boolean."""
    value = document.get(_BOXES)
    if value is not None and not isinstance(value, bool):
        raise WrongType(f"{_BOXES} is {ascii(value)[:MAX_SHOWN]}; it takes true or false", _BOXES, value)
    return bool(value)


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
