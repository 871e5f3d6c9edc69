"""POST /gaze/gaze_detection: the faces in pictures, and where each of them looks."""

import time
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from flask import Blueprint, Response, g

from container.errors import BadRequest, ModelNotFound, NotOffered, setting_name
from container.images.base import Limits
from container.images.pixel_budget import PixelShare
from container.images.sources import read_json as read_image
from container.images.sources import sources
from container.models.policies import Policy
from container.protocols.roboflow import openapi
from container.protocols.roboflow.fields import read_member
from container.protocols.roboflow.inference import answer_each, check_count
from container.protocols.roboflow.responses import answered
from container.protocols.roboflow.v1 import object_body, pictures
from container.service import Services, by_id
from container.service.pipeline import Run
from container.structures import GazeQuery, Gazes, Image
from container.structures.gaze import LABEL
from container.structures.strict_json import dump, join_array, numbers
from container.web.body import takes_json
from container.web.openapi import operation

PREFIXES = ("/gaze",)
_MODEL = "gaze"  # the id of the model
_NETWORKS = (
    "face-detection-adas-0001, landmarks-regression-retail-0009, head-pose-estimation-adas-0001 and "
    "gaze-estimation-adas-0002"
)
_FIND = "do_run_face_detection"
_NUMBER = {"type": "number"}
_POINT = {"type": "object", "required": ["x", "y"], "properties": {"x": _NUMBER, "y": _NUMBER}}
_FACE = {
    "type": "object",
    "required": ["x", "y", "width", "height", "confidence", "class", "class_id", "landmarks"],
    "properties": {"x": _NUMBER, "y": _NUMBER, "landmarks": {"type": "array", "items": _POINT}},
}
_RADIANS = "Radians; 0 is into the camera; above 0, yaw is to the left in the picture, and pitch upwards"
_PREDICTION = {
    "type": "object",
    "required": ["face", "yaw", "pitch"],
    "properties": {"face": _FACE, **dict.fromkeys(("yaw", "pitch"), {**_NUMBER, "description": _RADIANS})},
}
_TIMES = dict.fromkeys(("time", "time_face_det", "time_gaze_det"), {**_NUMBER, "description": "Seconds"})
_GAZE = {
    "type": "object",
    "required": ["predictions", *_TIMES],
    "properties": {"predictions": {"type": "array", "items": _PREDICTION}, **_TIMES},
}
_GAZES = {
    "200": {
        "description": "A list with an answer for each picture, also for a single one",
        "content": {"application/json": {"schema": {"type": "array", "items": _GAZE}}},
    },
    **openapi.INFERENCE_ERRORS,
    "501": openapi.error("There is no model"),
}


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the route."""
    images = openapi.pictures(sources["url"].available(services.pipeline.limits))
    body = openapi.with_example(
        openapi.body("image", image=images, **{_FIND: {"type": "boolean", "default": True}}),
        {"image": openapi.EXAMPLE_PICTURE},
    )

    @blueprint.post("/gaze/gaze_detection", strict_slashes=False)
    @operation("Pictures in; where people in them look out", _GAZES, requestBody=body)
    @takes_json()
    def gaze_detection() -> Response:
        return _answer(object_body(), services)


def _answer(document: dict[str, Any], services: Services) -> Response:
    with by_id.loading(services, g.context) as policy:
        model_id = _find(policy)
        values, find_faces = pictures(document), read_member(document, _FIND, bool, True)
        check_count(values, services.pipeline.limits)
        named = by_id.load(model_id, services)
    g.context.fields |= {"model_id": model_id[:200]}

    def answer(run: Run, value: Any) -> bytes:
        begun = time.monotonic()
        image = run.decode(partial(_image, value))
        (gazes,) = run.ask([GazeQuery(image.pixels, find_faces)])
        return run.write(partial(_document, gazes, begun), [gazes])

    bodies = answer_each(values, named, services, answer)
    return answered(join_array(bodies), "application/json", model_id, named.load_seconds)


def _find(policy: Policy) -> str:
    """Return the id of the model: that of the store, or a loaded one of its kind; NotOffered if there is none."""
    with suppress(ModelNotFound):
        policy.find(_MODEL)
        return _MODEL
    for model_id in policy.versions(_MODEL).values():
        return model_id
    raise NotOffered(
        "there is no model of gazes",
        hint=f"put {_NETWORKS} of Open Model Zoo, each as .xml and .bin, into {setting_name('model_store')}/{_MODEL}/, "
        "from https://storage.openvinotoolkit.org/repositories/open_model_zoo/2023.0/models_bin/1/NAME/FP16/",
    )


def _image(value: object, limits: Limits, share: PixelShare) -> Image:
    images = read_image(value, limits, share).images
    if len(images) != 1:
        raise BadRequest(f"a value of image holds {len(images)} pictures; send them as a list")
    return images[0]


def _document(gazes: Gazes, begun: float) -> bytes:
    corners = gazes.boxes.reshape(-1, 2, 2)
    centres, sizes = numbers(corners.mean(1)), numbers(corners[:, 1] - corners[:, 0])
    scores, points = numbers(gazes.scores), numbers(gazes.landmarks)
    angles = numbers(np.stack([gazes.yaws, gazes.pitches], axis=1))
    rows = [
        {
            "face": {
                **dict(zip(("x", "y"), centres[i], strict=True)),
                **dict(zip(("width", "height"), sizes[i], strict=True)),
                "confidence": scores[i],
                "class": LABEL,
                "class_id": 0,
                "landmarks": [{"x": x, "y": y} for x, y in points[i]],
            },
            **dict(zip(("yaw", "pitch"), angles[i], strict=True)),
        }
        for i in range(len(gazes))
    ]
    times = (time.monotonic() - begun, gazes.find_seconds, gazes.gaze_seconds)
    return dump({"predictions": rows, **{name: round(one, 6) for name, one in zip(_TIMES, times, strict=True)}})
