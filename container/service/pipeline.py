"""What every protocol does with pictures: decode, predict, encode, under one lease of the model.

    with pipeline.open(model, context) as run:
        run.admit()
        images = run.decode(read)  # read(limits, share) → list[Image]
        results = run.predict(images, options)
        body = run.encode(form, results, choice)

What it holds of the pixel budget, and the lease, end with the block.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Self, TypeVar

from container.cancellation import cancelled_by
from container.engines.base import Engine
from container.errors import BadRequest, ClientGone, DeadlineExceeded, setting_name
from container.formats import Format, Streamed
from container.images.pixel_budget import PixelBudget, PixelShare
from container.images.source import Limits
from container.models.repository import Model, Repository
from container.structures import Choice, Image, Options, Result
from container.telemetry import metrics

T = TypeVar("T")


@dataclass(eq=False)
class RequestContext:
    """One request: its id, until when and for whom its answer is wanted, what its stages took, and what is logged.

    Its work is wanted up to `deadline`, and as long as the caller is not `gone`. Times are of the monotonic clock.
    """

    deadline_seconds: float
    gone: Callable[[], bool] = lambda: False
    id: str = ""
    received: float = field(default_factory=time.monotonic)
    started: float = field(default_factory=time.monotonic)  # from when on the deadline counts
    stages: dict[str, float] = field(default_factory=dict)  # milliseconds, in the order in which the stages began
    fields: dict[str, object] = field(default_factory=dict)  # of its line in the log
    failure: Exception | None = None  # that nobody foresaw
    _open: tuple[str, float] | None = field(
        default=None, init=False
    )  # the stage of a block that has not ended, and when it began

    @property
    def deadline(self) -> float:
        """When the answer is no longer wanted."""
        return self.started + self.deadline_seconds

    def restart(self, started: float) -> None:
        """Count the deadline from `started`, when its body began to be read; the stage `read` ends now.

        Before that, the model that it is for may have been loaded.
        """
        self.started = started
        self.add("read", (time.monotonic() - started) * 1000)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to stage `name`."""
        begun = time.monotonic()
        self._open = (name, begun)
        try:
            yield
        finally:
            self._open = None
            self.add(name, (time.monotonic() - begun) * 1000)

    def add(self, name: str, milliseconds: float) -> None:
        """Add to stage `name`, here and in the metrics."""
        self.spend(name, milliseconds)
        metrics.STAGES.labels(name).observe(milliseconds / 1000)

    def spend(self, name: str, milliseconds: float) -> None:
        """Add to stage `name`, which comes in many parts and is for the metrics once: see `observe`."""
        self.stages[name] = self.stages.get(name, 0.0) + milliseconds

    def observe(self, *names: str) -> None:
        """Put into the metrics what was spent on stages."""
        for name in names:
            metrics.STAGES.labels(name).observe(self.stages.get(name, 0.0) / 1000)

    def rounded(self) -> dict[str, float]:
        """Milliseconds by stage, for people."""
        return {name: round(milliseconds, 1) for name, milliseconds in self.stages.items()}

    def check(self, before: str = "the model was asked") -> None:
        """DeadlineExceeded, naming the slowest stage, where the deadline has passed."""
        now = time.monotonic()
        if now > self.deadline:
            stages = dict(self.stages)
            if self._open is not None:
                name, begun = self._open
                stages[name] = stages.get(name, 0.0) + (now - begun) * 1000
            slowest = max(stages, key=lambda name: stages[name], default="none")
            raise DeadlineExceeded(f"the deadline passed before {before}; the slowest stage was {slowest!r}")

    def check_wanted(self, before: str) -> None:
        """`check`, and ClientGone where the caller has left."""
        self.check(before)
        if self.gone():
            raise ClientGone(f"the client closed the connection before {before}")

    @property
    def total(self) -> float:
        """Milliseconds since `started`."""
        return (time.monotonic() - self.started) * 1000


class Pipeline:
    """Opens runs on the models of a repository; a caller may ask for `max_detections` masks or keypoints."""

    def __init__(
        self, repository: Repository, limits: Limits, pixels: PixelBudget | None = None, max_detections: int = 1000
    ) -> None:
        self.repository = repository
        self.limits = limits
        self.pixels = pixels or PixelBudget()
        self.max_detections = max_detections

    def open(self, model: str, context: RequestContext) -> "Run":
        """The way of one request through the model of that key, in a `with`."""
        return Run(self, model, context)


class Run:
    """One request on its way; the model is leased when it is first asked, and given back with the pixels at the end."""

    def __init__(self, pipeline: Pipeline, model: str, context: RequestContext) -> None:
        self.found = 0  # instances or classes that the answer holds
        self._pipeline = pipeline
        self._key = model
        self._context = context
        self._model: Model | None = None
        self._share = PixelShare(pipeline.pixels)
        self._held = ExitStack()
        self._held.callback(self._share.give_back)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    def admit(self) -> None:
        """Raise, before any work, what `predict` would: ModelNotFound, ModelNotReady, Overloaded."""
        deadline = self._context.deadline
        self._lease().dispatcher.admit(deadline)

    def decode(self, read: Callable[[Limits, PixelShare], T]) -> T:
        """What `read` makes of the limits of pictures and the share of the pixel budget that they are to take."""
        with self._context.stage("decode"):
            return read(self._pipeline.limits, self._share)

    def predict(self, images: Sequence[Image], options: Options) -> list[Result]:
        """Predict, as many pictures at a time as the model takes, and note the stages `queue` and `inference`.

        BadRequest where `options.class_filter` names no class of the model, or for too many masks or keypoints;
        ModelNotFound, ModelNotReady, Overloaded, DeadlineExceeded, ClientGone and OutOfMemory as they come from below.
        """
        model = self._lease()
        self._check_options(options, model.engine)
        context, results = self._context, []
        for start in range(0, len(images), model.dispatcher.batch_size):
            some = images[start : start + model.dispatcher.batch_size]
            context.check()
            answers = model.dispatcher.predict(
                [image.pixels for image in some], options, context.deadline, context.gone
            )
            context.add("queue", max(answer.queue_ms for answer in answers))
            context.add("inference", max(answer.inference_ms for answer in answers))
            results += [
                Result(*one, model.engine.spec.name) for one in zip(some, (a.prediction for a in answers), strict=True)
            ]
        return results

    def encode(self, form: Format, results: Sequence[Result], choice: Choice, batch: bool = False) -> bytes:
        """The body of an answer, of an array of pictures where it is a `batch`; DeadlineExceeded, ClientGone."""
        wanted = partial(self._context.check_wanted, "the answer was encoded")
        predictions = [result.prediction for result in results]
        with self._context.stage("encode"), cancelled_by(wanted):
            self.found = sum(map(len, predictions))
            body = form.encode_batch(results, choice) if batch else form.encode(results[0], choice)
        metrics.DETECTIONS.labels(results[0].model).inc(self.found)
        self._context.check("the answer was encoded")
        return body

    def stream(self, form: Streamed, result: Result, choice: Choice) -> Iterator[bytes]:
        """The body in pieces, to be sent as they are made, also after the run; DeadlineExceeded, ClientGone in between.

        The first is made now: what fails until then can still be answered by an error.
        """
        self.found = len(result.prediction)
        metrics.DETECTIONS.labels(result.model).inc(self.found)
        pieces = _until_cancelled(form.pieces(result, choice), self._context)
        first = next(pieces, b"")
        self._context.check("the answer was encoded")
        return _resumed(first, pieces)

    def _lease(self) -> Model:
        if self._model is None:
            self._model = self._held.enter_context(self._pipeline.repository.lease(self._key))
        return self._model

    def _check_options(self, options: Options, engine: Engine) -> None:
        """BadRequest for an unknown class, or for more masks or keypoints than the limit, or than the model makes for
        who asks for no number.
        """
        unknown = [name for name in options.class_filter or () if name not in engine.spec.labels]
        if unknown:
            names = [name for name in engine.spec.labels if name not in ("__background__", "N/A")]
            raise BadRequest(
                f"class_filter names {unknown[0][:40]!r}, which the model does not know",
                hint="it knows: " + ", ".join(names[:100]),
            )
        own = None if options.max_detections is None else engine.default_instances(options)
        if options.max_detections is None or own is None:
            return
        allowed = max(self._pipeline.max_detections, own)
        if options.max_detections > allowed:
            raise BadRequest(
                f"max_detections is {options.max_detections}; answers with masks or keypoints hold at most {allowed}",
                hint="ask for fewer, or for labels and boxes alone; the limit is set by "
                + setting_name("max_detections"),
            )


def _resumed(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces


def _until_cancelled(pieces: Iterator[bytes], context: RequestContext) -> Iterator[bytes]:
    """`pieces` for as long as somebody waits for them; what they took goes into the log."""
    sent = 0
    try:
        while True:
            begun = time.monotonic()
            piece = next(pieces, None)
            context.spend("encode", (time.monotonic() - begun) * 1000)
            if piece is None:
                return
            sent += len(piece)
            begun = time.monotonic()
            yield piece
            context.spend("send", (time.monotonic() - begun) * 1000)
            context.check_wanted("the answer was complete")
    finally:
        context.observe("encode", "send")
        context.fields |= {"bytes_out": sent, "stages_ms": context.rounded()}
