"""One inference request of either version: the model by its id, pictures in groups, an answer for each."""

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from flask import g

from container.engines.base import ImageEngine
from container.errors import BadRequest, PayloadTooLarge, shown
from container.images.base import Limits, Pictures
from container.images.pixel_budget import PixelShare
from container.images.sources import beside, numbered
from container.models.policies import Named
from container.protocols.roboflow.answers import Answer
from container.protocols.roboflow.fields import Fields
from container.service import RequestContext, Services, by_id
from container.service.pipeline import Run
from container.structures import Choice, Image

# The path of each task's route below /infer, and the task as engines call it.
TASKS = {
    "instance_segmentation": "instance segmentation",
    "object_detection": "object detection",
    "keypoints_detection": "keypoint detection",
    "classification": "classification",
    "semantic_segmentation": "semantic segmentation",
}
# Kinds of models that ids begin with in place of a project, and their routes.
KINDS = {
    "sam": "/sam/segment_image",
    "sam2": "/sam2/segment_image",
    "clip": "/clip/embed_image",
    "doctr": "/doctr/ocr",
    "ocr": "/ocr/pp-ocr",
    "trocr": "/ocr/trocr",
    "gaze": "/gaze/gaze_detection",
    "lmm": "/infer/lmm",
}

Read = Callable[[Any, Limits, PixelShare], Pictures]  # reads one value of a request


@dataclass(frozen=True)
class Asked:
    """A request that has been read."""

    model_id: str
    fields: Fields
    values: Sequence[Any]  # one for each picture
    read: Read
    task: str = ""  # that the route is for; "" for any
    document: bool = True  # True if JSON is wanted
    picture: bool = False  # True if the picture is wanted, in the document or alone


class Answered(NamedTuple):
    """The answers of one request, and what its headers tell."""

    bodies: list[bytes]  # one for each picture: JSON, or JPEG without a document
    load_seconds: float  # that the model took to load; 0.0 if it was loaded


def answer_each(
    values: Sequence[Any], named: Named, services: Services, answer: Callable[[Run, Any], bytes]
) -> list[bytes]:
    """Return what `answer` makes of each picture of a request, in a run of its own: one is decoded at a time."""
    bodies, found = list[bytes](), 0
    for number, value in enumerate(values, 1):
        place = numbered(number, len(values)) if len(values) > 1 else nullcontext()
        with place, services.pipeline.open(named.key, g.context) as run:
            run.admit(len(values) - len(bodies))
            bodies.append(answer(run, value))
            found += run.found
    g.context.fields |= {"n": found, "pictures": len(bodies), "stages_ms": g.context.rounded()}
    return bodies


def check_count(values: Sequence[Any], limits: Limits) -> None:
    """Raise PayloadTooLarge for more pictures than a request may have."""
    if len(values) > limits.max_images:
        raise PayloadTooLarge(f"the list holds {len(values)} pictures; at most {limits.max_images} are allowed")


def infer(asked: Asked, services: Services, context: RequestContext) -> Answered:
    """Load the model if necessary, and answer every picture, as many at a time as the model takes.

    The deadline counts from the end of the load. Pictures of one group have together no more pixels than one may, so
    that a request of many takes the memory of a few.
    """
    kind, slash, _ = asked.model_id.partition("/")
    if slash and kind in KINDS:
        raise BadRequest(f"{shown(asked.model_id)} is a model for {kind}", hint=f"POST {KINDS[kind]}")
    with by_id.loading(services, context):
        named = by_id.load(asked.model_id, services)
    context.fields |= asked.fields.logged | {"model_id": asked.model_id[:200]}
    context.reference = asked.fields.id
    begun, bodies, found = time.monotonic(), list[bytes](), 0
    while len(bodies) < len(asked.values):
        with services.pipeline.open(named.key, context) as run:
            engine = _engine(run, asked)
            run.admit(len(asked.values) - len(bodies))
            images = run.decode(partial(_read_group, asked, len(bodies), run.batch_size))
            masks = asked.task != "object detection"
            options, masks = by_id.question(asked.fields.options(engine), masks, engine)
            if engine.task in by_id.BOXES:
                run.check_options(options, masks, len(asked.values))
            results = run.predict(images, options, masks, asked.fields.skipped)
            form = Answer(asked.fields, engine, masks, begun, asked.document, asked.picture)
            for result in results:
                bodies.append(run.encode(form, [result], Choice("")))
                found += run.found
    height, width = images[0].size
    context.fields |= {"n": found, "w": width, "h": height, "pictures": len(bodies), "stages_ms": context.rounded()}
    return Answered(bodies, named.load_seconds)


def _engine(run: Run, asked: Asked) -> ImageEngine:
    """Return the model; BadRequest if it is not for the route's task."""
    engine = run.engine
    if not by_id.suits(engine, asked.task):
        paths = {task: f"/infer/{path}" for path, task in TASKS.items()} | KINDS
        way = f"POST {paths[engine.task]}" if engine.task in paths else "this server has no route for it"
        raise BadRequest(f"model {asked.model_id[:100]!r} is for {engine.task}", hint=way)
    return engine


def _read_group(asked: Asked, start: int, count: int, limits: Limits, share: PixelShare) -> list[Image]:
    """Return up to `count` of the pictures from `start` on: as many as have together `max_pixels`, at least one."""
    check_count(asked.values, limits)
    limits = replace(limits, upright=not asked.fields.disable_preproc_auto_orient)
    images: list[Image] = []
    for number in range(start, min(start + count, len(asked.values))):
        try:
            with numbered(number + 1, len(asked.values)) if len(asked.values) > 1 else nullcontext():
                images += asked.read(asked.values[number], beside(images, limits), share).images
        except PayloadTooLarge:
            if not images:
                raise
            break
    return images
