"""The request pipeline of every protocol: decode, predict and encode images under one lease of the model.

    with pipeline.open(model, context) as run:
        run.admit()
        images = run.decode(read)  # read(limits, share) → list[Image]
        results = run.predict(images, options)  # or run.ask(queries), of a model that is none of images
        body = run.encode(form, results, choice)

The lease and the share of the pixel budget are released at the end of the block.
"""

import time
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self, TypeVar

from container.cancellation import cancelled_by
from container.engines.base import Engine, ImageEngine
from container.errors import BadRequest, ClientGone, DeadlineExceeded, setting_name
from container.formats import Format, Streamed
from container.images.base import Limits
from container.images.pixel_budget import PixelBudget, PixelShare
from container.models.loading import Model
from container.models.pool import ModelPool
from container.structures import MAX_DETECTIONS, Choice, Image, ImageQuery, Options, PreprocessingStep, Result
from container.telemetry import metrics

T = TypeVar("T")


@dataclass(eq=False)
class RequestContext:
    """The state of one request: its id, deadline, cancellation check, stage durations and log fields.

    Work on it is wanted until `deadline`, or until `gone` returns True because the client has disconnected.
    Times are on the monotonic clock.
    """

    deadline_seconds: float
    gone: Callable[[], bool] = lambda: False
    id: str = ""
    model: str = ""  # its label in metrics, once it is leased
    received: float = field(default_factory=time.monotonic)
    started: float = field(default_factory=time.monotonic)  # start of the deadline
    stages: dict[str, float] = field(default_factory=dict)  # milliseconds, in order of first recording
    fields: dict[str, object] = field(default_factory=dict)  # fields of its log line
    failure: Exception | None = None  # an unexpected error
    reference: str = ""  # of the picture in the store, where answers are recorded
    answered: int = 0  # pictures so far
    _open: tuple[str, float] | None = field(default=None, init=False)  # the stage in progress and its start

    @property
    def deadline(self) -> float:
        """The time after which the response is no longer useful."""
        return self.started + self.deadline_seconds

    def restart(self, started: float) -> None:
        """Count the deadline from `started`, when reading of the body began, and record the stage `read`.

        Loading of the request's model may precede that and does not count.
        """
        self.started = started
        self.add("read", (time.monotonic() - started) * 1000)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the duration of the block to stage `name`."""
        begun = time.monotonic()
        self._open = (name, begun)
        try:
            yield
        finally:
            self._open = None
            self.add(name, (time.monotonic() - begun) * 1000)

    def add(self, name: str, milliseconds: float) -> None:
        """Add a duration to stage `name` and report it to the metrics."""
        self.spend(name, milliseconds)
        metrics.STAGES.labels(name, self.model).observe(milliseconds / 1000)

    def spend(self, name: str, milliseconds: float) -> None:
        """Add a part of the duration of stage `name`; `observe` reports the sum to the metrics once."""
        self.stages[name] = self.stages.get(name, 0.0) + milliseconds

    def observe(self, *names: str) -> None:
        """Report the total durations of the named stages to the metrics."""
        for name in names:
            metrics.STAGES.labels(name, self.model).observe(self.stages.get(name, 0.0) / 1000)

    def rounded(self) -> dict[str, float]:
        """Return milliseconds by stage, rounded to one decimal."""
        return {name: round(milliseconds, 1) for name, milliseconds in self.stages.items()}

    def check(self, before: str = "the model was asked") -> None:
        """Raise DeadlineExceeded, naming the slowest stage, if the deadline has passed."""
        now = time.monotonic()
        if now > self.deadline:
            stages = dict(self.stages)
            if self._open is not None:
                name, begun = self._open
                stages[name] = stages.get(name, 0.0) + (now - begun) * 1000
            slowest = max(stages, key=lambda name: stages[name], default="none")
            message = f"the deadline passed before {before}; the slowest stage was {slowest!r}"
            raise DeadlineExceeded(message, waited=slowest == "queue")

    def check_wanted(self, before: str) -> None:
        """Call `check`, then raise ClientGone if the client has disconnected."""
        self.check(before)
        if self.gone():
            raise ClientGone(f"the client closed the connection before {before}")

    @property
    def total(self) -> float:
        """Milliseconds since `started`."""
        return (time.monotonic() - self.started) * 1000


Record = Callable[[RequestContext, Model, Sequence[Result]], None]


class Pipeline:
    """A factory of runs on the models of a pool.

    Clients may request up to `max_detections` masks or keypoints, or the model's own default if that is higher. What a
    model has answered is given to `record`, if that is there.
    """

    def __init__(
        self,
        pool: ModelPool,
        limits: Limits,
        pixels: PixelBudget | None = None,
        max_detections: int = 1000,
        record: Record | None = None,
    ) -> None:
        self.pool = pool
        self.limits = limits
        self.pixels = pixels or PixelBudget()
        self.max_detections = max_detections
        self.record = record

    def open(self, model: str, context: RequestContext) -> "Run":
        """Return the run of one request on the model under key `model`; a context manager."""
        return Run(self, model, context)


class Run:
    """One request in flight; it leases the model on first use and releases lease and pixel share on exit."""

    def __init__(self, pipeline: Pipeline, model: str, context: RequestContext) -> None:
        self.found = 0  # number of instances or classes in the response
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

    def release(self) -> None:
        """Release lease and pixel share before the end of the block; the model is not used any more."""
        self._held.close()

    @property
    def engine(self) -> Engine[Any, Any]:
        """The model; ModelNotFound, ModelNotReady."""
        return self._lease().engine

    @property
    def batch_size(self) -> int:
        """The number of queries that the model takes at once."""
        return self._lease().dispatcher.batch_size

    def admit(self, count: int = 1) -> Engine[Any, Any]:
        """Return the model, or raise before any work the errors that predictions of `count` images would.

        These are ModelNotFound, ModelNotReady, Overloaded, PayloadTooLarge.
        """
        deadline, model = self._context.deadline, self._lease()
        model.dispatcher.admit(deadline)
        if count > 1:
            model.dispatcher.check_count(count, deadline)
        return model.engine

    def decode(self, read: Callable[[Limits, PixelShare], T]) -> T:
        """Return `read(limits, share)`, recorded as the stage `decode`.

        `limits` are those of images, `share` is the request's part of the pixel budget.
        """
        with self._context.stage("decode"):
            return read(self._pipeline.limits, self._share)

    def predict(
        self,
        images: Sequence[Image],
        options: Options,
        masks: bool = True,
        skip: frozenset[PreprocessingStep] = frozenset(),
    ) -> list[Result]:
        """Predict by a model of images; without `masks`, a mask head need not run. Raises the errors of `ask`.

        Steps of the model's preprocessing in `skip` are left out. Raises BadRequest for a model of another kind, if
        `options.class_filter` names a class that the model does not have, or for too many detections.
        """
        engine = self.check_options(options, masks, len(images))
        predictions = self.ask([ImageQuery(image.pixels, options, masks, skip) for image in images])
        return [Result(image, one, engine.spec.name) for image, one in zip(images, predictions, strict=True)]

    def ask(self, queries: Sequence[Any]) -> list[Any]:
        """Return the model's answers to queries of its kind, and record the stages `queue` and `inference`.

        They are asked in batches of the model's batch size. Raises BadRequest for queries of another kind. Passes on
        ModelNotFound, ModelNotReady, PayloadTooLarge, Overloaded, DeadlineExceeded, ClientGone and OutOfMemory.
        """
        model, context, answers = self._lease(), self._context, []
        if not all(isinstance(query, model.engine.query) for query in queries):
            raise _other_kind(model.engine)
        if len(queries) > 1:
            model.dispatcher.check_count(len(queries), context.deadline)
        for start in range(0, len(queries), model.dispatcher.batch_size):
            if start:  # few bytes can be many pictures, and minutes of work
                context.check_wanted("the model was asked")
            else:
                context.check()
            some = model.dispatcher.predict(
                queries[start : start + model.dispatcher.batch_size], context.deadline, context.gone
            )
            context.add("queue", max(answer.queue_ms for answer in some))
            context.add("inference", max(answer.inference_ms for answer in some))
            answers += [answer.output for answer in some]
        return answers

    def encode(self, form: Format, results: Sequence[Result], choice: Choice, batch: bool = False) -> bytes:
        """Return the body of a response, for an array of images if `batch`; DeadlineExceeded, ClientGone."""
        make = partial(form.encode_batch, results, choice) if batch else partial(form.encode, results[0], choice)
        body = self.write(make, [result.prediction for result in results])
        self._record(results)
        return body

    def write(self, make: Callable[[], T], found: Sequence[Sized]) -> T:
        """Return what `make` makes of what was found in each image, such as a body; DeadlineExceeded, ClientGone."""
        wanted = partial(self._context.check_wanted, "the answer was encoded")
        with self._context.stage("encode"), cancelled_by(wanted):
            body = make()
            self.found = sum(map(len, found))
        if self._model is not None:  # else the predictions are those of an earlier request
            metrics.DETECTIONS.labels(self._context.model).inc(self.found)
        self._context.check("the answer was encoded")
        return body

    def stream(self, form: Streamed, result: Result, choice: Choice) -> Iterator[bytes]:
        """Return an iterator of the body's pieces, usable after the run; it may raise DeadlineExceeded or ClientGone.

        The first piece is encoded now, so that an error up to then still gets an error response.
        """
        self.found = len(result.prediction)
        if self._model is not None:
            metrics.DETECTIONS.labels(self._context.model).inc(self.found)
        pieces = _until_cancelled(form.pieces(result, choice), self._context)
        first = next(pieces, b"")
        self._context.check("the answer was encoded")
        self._record([result])
        return _resumed(first, pieces)

    def _record(self, results: Sequence[Result]) -> None:
        if self._pipeline.record is not None and self._model is not None:  # else they are of an earlier request
            self._pipeline.record(self._context, self._model, results)

    def _lease(self) -> Model:
        if self._model is None:
            self._model = self._held.enter_context(self._pipeline.pool.lease(self._key))
            self._context.model = metrics.labels.get(self._model.engine.spec.name, metrics.OTHER)
        return self._model

    def check_options(self, options: Options, masks: bool, pictures: int = 1) -> ImageEngine:
        """Return the model of images; BadRequest for another kind, an unknown class or too many detections.

        The limit of masks or keypoints is `max_detections` or the model's own default, whichever is higher. The
        pictures of a request have together no more detections than one may.
        """
        engine = self._lease().engine
        if not isinstance(engine, ImageEngine):
            raise _other_kind(engine)
        unknown = [name for name in options.class_filter or () if name not in engine.spec.labels]
        if unknown:
            raise BadRequest(
                f"class_filter names {unknown[0][:40]!r}, which the model does not know",
                hint="it knows: " + ", ".join(engine.names[:100]),
            )
        if options.max_detections is None:
            return engine
        if pictures * options.max_detections > MAX_DETECTIONS:
            raise BadRequest(
                f"max_detections is {options.max_detections} for {pictures} pictures; "
                f"one request has at most {MAX_DETECTIONS} in all",
                hint=f"ask for {MAX_DETECTIONS // pictures} of each, or send fewer pictures in one request",
            )
        own = engine.default_instances(masks)
        if own is None:
            return engine
        allowed = max(self._pipeline.max_detections, own)
        if options.max_detections > allowed:
            raise BadRequest(
                f"max_detections is {options.max_detections}; answers with masks or keypoints hold at most {allowed}",
                hint="ask for fewer, or for labels and boxes alone; the limit is set by "
                + setting_name("max_detections"),
            )
        return engine


def _other_kind(engine: Engine[Any, Any]) -> BadRequest:
    return BadRequest(f"model {engine.spec.name!r} is for {engine.task}, and takes no queries of this kind")


def _resumed(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from pieces


def _until_cancelled(pieces: Iterator[bytes], context: RequestContext) -> Iterator[bytes]:
    """Yield `pieces`; raise DeadlineExceeded or ClientGone once the response is no longer wanted.

    Durations and the number of bytes sent go into the log.
    """
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
