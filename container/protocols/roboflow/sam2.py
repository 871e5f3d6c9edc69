"""POST /sam2/embed_image and /sam2/segment_image: Segment Anything 2, by prompts of points and boxes."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response

from container.errors import BadRequest
from container.protocols.roboflow import openapi
from container.protocols.roboflow.fields import WrongType
from container.protocols.roboflow.segmenting import Asked, logits_file, opened
from container.protocols.roboflow.v1 import object_body
from container.service import Services
from container.service.segmenting import Family
from container.structures import Embedding, Segmentation, Segments, prompts
from container.structures.strict_json import dump, join_array, join_object
from container.web.body import takes_json
from container.web.openapi import operation

SAM2 = Family("sam2", "sam2_version_id", "hiera_large")
_FORMATS = ("json", "rle", "binary")


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes below /sam2."""

    @blueprint.post("/sam2/embed_image", strict_slashes=False)
    @operation("Embed a picture, for prompts by its id", openapi.SAM2_EMBEDDED, requestBody=openapi.SAM2_EMBED)
    @takes_json()
    def sam2_embed_image() -> Response:
        with opened(SAM2, object_body(), services) as asked:
            asked.embed(asked.document.get("image"))
            return asked.respond({"image_id": dump(asked.image_id)})

    @blueprint.post("/sam2/segment_image", strict_slashes=False)
    @operation("Segment a picture by prompts", openapi.SAM2_SEGMENTED, requestBody=openapi.SAM2_SEGMENT)
    @takes_json()
    def sam2_segment_image() -> Response:
        with opened(SAM2, object_body(), services) as asked:
            form = asked.read("format", str, "json", _FORMATS)
            images = asked.document.get("image")
            if isinstance(images, list):  # as inference_sdk sends with max_batch_size above 1
                return _respond_each(asked, images, form)
            segmentation = _segmented(asked, asked.embed(images), form)
            if form != "binary":
                return asked.respond({"predictions": _predictions(asked, segmentation, form)})
            body = asked.run.write(lambda: logits_file(segmentation), [segmentation.segments])
            return asked.respond_as(body, "application/octet-stream")


def _respond_each(asked: Asked, images: list[Any], form: str) -> Response:
    """Return the answers for a list of pictures, all of which have the same prompts."""
    most = asked.services.pipeline.limits.max_images
    if form == "binary" or asked.document.get("image_id") or not 1 <= len(images) <= most:
        raise BadRequest(
            f"image is a list of {len(images)}, which takes 1 to {most} pictures, no image_id, and json or rle"
        )
    bodies = []
    for image in images:
        segmentation = _segmented(asked, asked.embed(image), form)
        bodies.append(asked.document_of({"predictions": _predictions(asked, segmentation, form)}))
    return asked.respond_as(join_array(bodies), "application/json")


def _segmented(asked: Asked, embedding: Embedding, form: str) -> Segmentation:
    segmenter, given = asked.segmenter, asked.document.get("prompts")
    try:
        wanted = prompts.read(given)
    except ValueError as error:
        raise WrongType(str(error), "prompts", type(given).__name__) from None
    kept = segmenter.kept_logits(asked.image_id) if asked.read("load_logits_from_cache", bool, False) else None
    if kept is not None and len(kept) == len(wanted):
        wanted = [replace(prompt, mask=mask) for prompt, mask in zip(wanted, kept, strict=True)]
    multimask = asked.read("multimask_output", bool, True)
    segmentation = segmenter.segment(embedding, wanted, multimask=multimask, logits=form == "binary")
    if asked.read("save_logits_to_cache", bool, False):
        segmenter.keep_logits(asked.image_id, segmentation)
    return segmentation


def _predictions(asked: Asked, segmentation: Segmentation, form: str) -> bytes:
    def make() -> bytes:
        return join_array([_prediction(one, form) for one in segmentation.segments])

    return asked.run.write(make, [segmentation.segments])


def _prediction(segments: Segments, form: str) -> bytes:
    """Return the most confident mask of a prompt: COCO's run lengths, or the outlines of its parts."""
    masks = segments.masks.rle(0) if form == "rle" else [_pairs(line) for line in segments.masks.polygons(0)]
    members = {
        "masks": dump(masks),
        "confidence": dump(round(float(segments.scores[0]), 6)),
        "format": dump("rle" if form == "rle" else "polygon"),
    }
    return join_object(members)


def _pairs(line: list[float]) -> list[list[int]]:
    return [[int(x), int(y)] for x, y in zip(line[::2], line[1::2], strict=True)]
