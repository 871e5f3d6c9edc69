"""POST /sam/embed_image and /sam/segment_image: Segment Anything, by points, a mask and embeddings."""

import binascii
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
from flask import Blueprint, Response

from container.errors import BadRequest, PayloadTooLarge
from container.ops import polygons
from container.protocols.roboflow import openapi
from container.protocols.roboflow.fields import WrongType
from container.protocols.roboflow.segmenting import Asked, logits_file, opened
from container.protocols.roboflow.v1 import object_body
from container.service import Services
from container.service.segmenting import Family
from container.structures import Embedding, Prompt, Segmentation, npy
from container.structures.prompts import MAX_POINTS, is_coordinate, pairs
from container.structures.strict_json import dump, join_array
from container.web.body import takes_json
from container.web.openapi import operation

SAM = Family("sam", "sam_version_id", "vit_h")
# An embedding in JSON has 1,048,576 numbers: 0.3 s and 70 MB once parsed.
MAX_PARTS = 1_200_000
_FORMATS = ("json", "binary")
_MASK_FORMATS = ("json", "rle", "binary")
_CORNERS = (2, 3)  # labels of the two corners of a box among points


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes below /sam."""

    @blueprint.post("/sam/embed_image", strict_slashes=False)
    @operation("Embed a picture", openapi.EMBEDDED, requestBody=openapi.SAM_EMBED)
    @takes_json(MAX_PARTS)
    def sam_embed_image() -> Response:
        with opened(SAM, object_body(MAX_PARTS), services) as asked:
            form = asked.read("format", str, "json", _FORMATS)
            embedding = asked.embed(asked.document.get("image"))
            if "point_coords" not in asked.document:
                return _embedded(asked, embedding, form)
            # Roboflow's page posts its requests for masks here.
            if form != "json":
                raise BadRequest(
                    "masks beside an embedding are JSON", hint="POST /sam/segment_image answers masks alone"
                )
            return asked.respond(_vectors(asked, embedding) | _masks(asked, _segmented(asked, embedding)))

    @blueprint.post("/sam/segment_image", strict_slashes=False)
    @operation("Segment a picture by points", openapi.SEGMENTED, requestBody=openapi.SAM_SEGMENT)
    @takes_json(MAX_PARTS)
    def sam_segment_image() -> Response:
        with opened(SAM, object_body(MAX_PARTS), services) as asked:
            form = asked.read("format", str, "json", _MASK_FORMATS)
            embedding = _given_embedding(asked) or asked.embed(asked.document.get("image"))
            segmentation = _segmented(asked, embedding, logits=form == "binary")
            if form != "binary":
                return asked.respond(_masks(asked, segmentation, form))
            body = asked.run.write(lambda: logits_file(segmentation), [one.masks for one in segmentation.segments])
            return asked.respond_as(body, "application/octet-stream")


def _embedded(asked: Asked, embedding: Embedding, form: str) -> Response:
    if form == "json":
        return asked.respond(_vectors(asked, embedding))
    body = asked.run.write(lambda: npy.write(embedding.parts[0]), [])
    return asked.respond_as(body, "application/octet-stream")


def _vectors(asked: Asked, embedding: Embedding) -> dict[str, bytes]:
    option = orjson.OPT_SERIALIZE_NUMPY
    return {"embeddings": asked.run.write(lambda: orjson.dumps(embedding.parts[0], option=option), [])}


def _masks(asked: Asked, segmentation: Segmentation, form: str = "json") -> dict[str, bytes]:
    """Return the masks in the picture, their outlines at the model's size, and the IoU expected of each."""
    (segments,) = segmentation.segments
    masks = segments.masks

    def make() -> bytes:
        made = (masks.rle(i) if form == "rle" else masks.outline(i).tolist() for i in range(len(masks)))
        return join_array([dump(one) for one in made])

    low_res = [polygons.outline(logits > 0, 0, 0).tolist() for logits in segments.low_res]
    return {
        "masks": asked.run.write(make, [masks]),
        "low_res_masks": dump(low_res),
        "scores": dump([round(float(score), 6) for score in segments.scores]),
    }


def _segmented(asked: Asked, embedding: Embedding, logits: bool = False) -> Segmentation:
    segmenter = asked.segmenter
    prompt = _prompt(asked)
    again = asked.read("has_mask_input", bool)
    if again is not False:  # where it is not said, a mask that is sent counts, and none that is kept
        cached = again and asked.read("use_mask_input_cache", bool, True)
        kept = segmenter.kept_logits(asked.image_id) if cached else None
        prompt = replace(prompt, mask=_mask(asked) if kept is None else kept[0])
    all_three = asked.read("multimask_output", bool)
    segmentation = segmenter.segment(embedding, [prompt], multimask=all_three, best=not all_three, logits=logits)
    segmenter.keep_logits(asked.image_id, segmentation)
    return segmentation


def _prompt(asked: Asked) -> Prompt:
    """Return the points: labels 1 on the object, 0 beside it, -1 to be passed over; 2 and 3 are corners of a box."""
    coords, given = asked.read("point_coords", list, []), asked.read("point_labels", list)
    points = _read(asked, "point_coords", coords, lambda: pairs(coords) if all(map(_is_point, coords)) else None)
    labels = [1] * len(points) if given is None else given
    if len(labels) != len(points):
        raise BadRequest(f"there are {len(points)} point_coords and {len(labels)} point_labels; each has its own")
    if len(points) > MAX_POINTS:
        raise BadRequest(f"there are {len(points)} points; at most {MAX_POINTS} are allowed")
    if not all(type(label) is int and -1 <= label <= 3 for label in labels):
        raise WrongType("point_labels are 1 on the object, 0 beside it, -1 to be passed over", "point_labels", given)
    corners = [point for point, label in zip(points, labels, strict=True) if label in _CORNERS]
    if corners and sorted(label for label in labels if label in _CORNERS) != [*_CORNERS]:
        raise BadRequest("the labels 2 and 3 are the two corners of one box; each is there once, or none is")
    kept = [i for i, label in enumerate(labels) if label in (0, 1)]
    box = np.concatenate([np.min(corners, 0), np.max(corners, 0)]) if corners else None
    return Prompt(points[kept], np.array([labels[i] for i in kept], np.int64), box)


def _is_point(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_coordinate, value))


def _mask(asked: Asked) -> np.ndarray | None:
    """Return the logits of `mask_input`: an array, or polygons in the frame of the model's masks as 0 and 1."""
    given, size = asked.document.get("mask_input"), asked.segmenter.engine.mask_size
    if given is None:
        return None
    if size is None:
        raise BadRequest(f"model {asked.model_id!r} takes no mask: leave mask_input out")
    if asked.read("mask_input_format", str, "json", _FORMATS) == "json":
        lines: list[Any] = given if isinstance(given, list) else [None]
        read = _read(asked, "mask_input", given, lambda: [pairs(line) for line in lines if all(map(_is_point, line))])
        return polygons.filled(read, size).astype(np.float32)
    array = _array(asked, "mask_input")
    if array.shape[-2:] != size or array.size != size[0] * size[1]:
        raise BadRequest(f"mask_input has the shape {array.shape}; the model takes (1, 1, {size[0]}, {size[1]})")
    return _finite("mask_input", array.reshape(size))


def _given_embedding(asked: Asked) -> Embedding | None:
    """Return the embedding that a request carries, with the size of its picture, or None."""
    given, size = asked.document.get("embeddings"), asked.read("orig_im_size", list)
    if given is None:
        return None
    if not (size and len(size) == 2 and all(type(side) is int and side > 0 for side in size)):
        raise BadRequest(f"orig_im_size is {size}; beside embeddings it takes [height, width] of their picture")
    most = asked.services.pipeline.limits.max_pixels
    if size[0] * size[1] > most:
        raise PayloadTooLarge(f"orig_im_size is {size[0] * size[1]} pixels; at most {most} are allowed")
    if asked.read("embeddings_format", str, "json", _FORMATS) == "binary":
        array = _array(asked, "embeddings")
    else:
        array = _read(asked, "embeddings", given, lambda: np.array(given, np.float32))
    return Embedding((_finite("embeddings", array),), (size[0], size[1]))


def _finite(name: str, array: np.ndarray) -> np.ndarray:
    if not np.isfinite(array).all():
        raise BadRequest(f"{name} holds values that are not finite")
    return array


def _array(asked: Asked, name: str) -> np.ndarray:
    """Return the array of a .npy file in base64."""
    text = asked.read(name, str, "")
    try:
        return npy.read(binascii.a2b_base64(text.encode("ascii"), strict_mode=True))
    except ValueError as error:
        reason = "it is no base64" if isinstance(error, binascii.Error | UnicodeError) else error
        raise BadRequest(f"{name} is no array: {reason}", hint="send a .npy file of float32 in base64") from None


def _read(asked: Asked, name: str, value: object, make: Callable[[], Any]) -> Any:
    """Return what `make` makes of a value; WrongType if it cannot."""
    try:
        made = make()
    except (ValueError, TypeError, OverflowError):
        made = None
    if made is None:
        raise WrongType(f"{name} takes nested lists of finite numbers", name, type(value).__name__)
    return made
