"""Models by their ids, as Roboflow's clients ask for them: loaded on demand, and asked as their task wants it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, TypeGuard

from container.engines.base import Engine, ImageEngine
from container.models.policies import Named, Policy
from container.service.pipeline import RequestContext
from container.service.services import Services
from container.structures import Options

DEFAULT_CONFIDENCE = 0.4
WORDS_OF_CONFIDENCE = ("best", "default")
BOXES = ("object detection", "instance segmentation", "keypoint detection")  # tasks whose models find boxes
TASKS = (*BOXES, "classification", "semantic segmentation")


class Question(NamedTuple):
    """What a model of images is asked about each picture."""

    options: Options
    masks: bool  # False if no masks are needed


def load(model_id: str, services: Services) -> Named:
    """Return what an id means, having loaded the model if necessary.

    The end of the server's start is waited for, as clients do not ask again. Raises the errors of `Policy.by_id`.
    """
    services.pool.settle(services.deadline_seconds)
    return services.pool.policy.by_id(model_id)


@contextmanager
def loading(services: Services, context: RequestContext) -> Iterator[Policy]:
    """Let a request find and load its model in the block: the deadline counts from the end of that.

    The end of the server's start is waited for; ModelNotReady if it failed.
    """
    already = time.monotonic() - context.started
    services.pool.settle(services.deadline_seconds)
    services.pool.policy.check_started()
    yield services.pool.policy
    context.restart(time.monotonic() - already)


def suits(engine: Engine[Any, Any], task: str) -> TypeGuard[ImageEngine]:
    """Return True if a model does a task, "" for any of TASKS; all that find boxes detect objects."""
    allowed = TASKS if not task else BOXES if task == "object detection" else (task,)
    return isinstance(engine, ImageEngine) and engine.task in allowed


def least_confidence(confidence: float | str, engine: ImageEngine) -> float:
    """Return the confidence under which nothing is answered; "best" is the model's own default."""
    if not isinstance(confidence, str):
        return confidence
    own = engine.spec.options.confidence if confidence == "best" else None
    return DEFAULT_CONFIDENCE if own is None else own


def known_options(options: Options, confidence: float | str, engine: ImageEngine) -> Options:
    """Return options with this confidence, and without names in the filter that the model does not know."""
    names = options.class_filter
    if names is not None:
        names = tuple(name for name in names if name in engine.labels)
    return replace(options, confidence=least_confidence(confidence, engine), class_filter=names)


def question(options: Options, masks: bool, engine: ImageEngine) -> Question:
    """Return what to ask for these options of a client; what a classifier answers is cut afterwards."""
    if engine.task == "classification":
        # All classes: a picture shows the best three whatever their scores are.
        return Question(replace(options, confidence=0.0, class_filter=None, max_detections=len(engine.labels)), False)
    if engine.task == "semantic segmentation" and not engine.spec.activation:
        # Here the confidence is that of each pixel; an engine's is that of a class.
        return Question(Options(confidence=0.0), True)
    return Question(options, masks)
