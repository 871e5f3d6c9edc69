"""The queue in front of a model: bounded, with deadlines, one prediction at a time.

A request that would have to wait past its deadline, by what the last pictures took, is refused at once. A prediction
that nobody waits for any more ends at its next checkpoint.

Knows nothing of torch or HTTP. Requests with different options share a batch; a batch is what is waiting already,
nobody is made to wait for one to fill.
"""

import math
import queue
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from container.cancellation import cancelled_by
from container.errors import ClientGone, DeadlineExceeded, DeviceLost, Overloaded, ServingError, Unavailable
from container.structures import Options, Prediction

WATCHED = 0.1  # seconds that a request has waited before it is asked whether anybody still wants it
STALLED = 10  # times as long as usual
RECENT = 9  # predictions that tell how long the next will take

Predict = Callable[[Sequence[np.ndarray], Sequence[Options]], Sequence[Prediction]]


class Answer(NamedTuple):
    """A prediction with the milliseconds it waited and took."""

    prediction: Prediction
    queue_ms: float
    inference_ms: float


class _Caller(NamedTuple):
    """Who waits for a prediction; holds no picture, since errors of cancellation hold it."""

    deadline: float  # on the monotonic clock
    gone: Callable[[], bool]  # whether the caller has left

    def unwanted(self) -> ServingError | None:
        """Why the prediction is not waited for any more, once it has begun."""
        if time.monotonic() > self.deadline:
            return DeadlineExceeded("the request was still in the model at its deadline")
        if self.gone():
            return ClientGone("the client closed the connection while the model was asked")
        return None


@dataclass(frozen=True)
class _Job:
    pixels: np.ndarray
    options: Options
    caller: _Caller
    queued: float = field(default_factory=time.monotonic)
    future: "Future[Answer]" = field(default_factory=Future)


_CALLER, _PIXELS, _OPTIONS = attrgetter("caller"), attrgetter("pixels"), attrgetter("options")


def _check(callers: Sequence[_Caller]) -> None:
    """DeadlineExceeded or ClientGone where none of them waits any more."""
    reasons = list(filter(None, (caller.unwanted() for caller in callers)))
    if len(reasons) == len(callers):
        raise reasons.pop()  # held by nothing in this frame, which it holds: the picture would be kept with them


def _wanted(job: _Job) -> bool:
    """Whether a job is still to be done. One whose caller has gone past its deadline was cancelled."""
    if not job.future.set_running_or_notify_cancel():
        return False
    if time.monotonic() - job.queued > WATCHED and job.caller.gone():
        job.future.set_exception(ClientGone("the client closed the connection before the model was asked"))
        return False
    return True


def _closing() -> Unavailable:
    return Unavailable("the model is being unloaded")


class Dispatcher:
    """One thread that takes what is queued and predicts it, `batch_size` pictures at a time at the most."""

    def __init__(
        self,
        predict: Predict,
        queue_size: int,
        batch_size: int = 1,
        explain: Callable[[BaseException], BaseException] = lambda error: error,
    ) -> None:
        """`explain` makes of what `predict` raises what a client may see."""
        self._predict = predict
        self._explain = explain
        self.batch_size = batch_size
        self._jobs: queue.Queue[_Job | None] = queue.Queue(queue_size)
        self._closed = False
        self._recent: deque[float] = deque([0.0], RECENT)  # seconds a picture
        self._seconds = 0.0  # the middle of them; 0 while nothing is known
        self._running: tuple[int, float] = (0, 0.0)  # pictures that are being predicted, and since when
        self._lost = False  # the device; see DeviceLost
        self._submitting = threading.Lock()  # held while the pictures of one request come in
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    def predict(
        self,
        pictures: Sequence[np.ndarray],
        options: Options,
        deadline: float,
        gone: Callable[[], bool] = lambda: False,
    ) -> list[Answer]:
        """Predict pictures (uint8 H×W×3 RGB), submitted together, and wait for them; at most `batch_size` make a batch.

        Overloaded, DeadlineExceeded, ClientGone, or what the engine raises; then none of them is predicted any more.
        """
        self.admit(deadline)
        jobs = [_Job(pixels, options, _Caller(deadline, gone)) for pixels in pictures]
        futures = deque(job.future for job in jobs)
        answers: list[Answer] = []
        try:
            with self._submitting:
                while jobs:
                    self._jobs.put_nowait(jobs.pop(0))
            while futures:
                answers.append(futures[0].result(max(0.0, deadline - time.monotonic())))
                futures.popleft()
            return answers
        except queue.Full:
            raise self._full() from None
        except TimeoutError:
            stage = "waiting in the queue" if futures[0].cancel() else "in the model"
            raise DeadlineExceeded(f"the request was still {stage} at its deadline") from None
        finally:  # an error in a future holds this frame: what it refers to would be kept until a collection
            jobs.clear()
            while futures:
                futures.pop().cancel()

    def admit(self, deadline: float) -> None:
        """Overloaded where a request would be refused now: worth asking before a picture is decoded for nothing."""
        if self._closed:
            raise _closing()
        if self._jobs.full():
            raise self._full()
        wait = self._expected_wait()
        if wait and time.monotonic() + wait + self._seconds > deadline:
            raise Overloaded(
                f"the model is busy for another {wait:.1f} s, and would not get to this request before its deadline",
                retry_after=math.ceil(wait),
            )

    def _full(self) -> Overloaded:
        return Overloaded(f"{self._jobs.maxsize} requests are waiting for the model already")

    def _expected_wait(self) -> float:
        """Seconds until what is before a new request is done; 0 where nothing is, or nothing is known yet."""
        count, since = self._running
        left = max(0.0, count * self._seconds - (time.monotonic() - since)) if count else 0.0
        return self._jobs.qsize() * self._seconds + left

    def broken(self, seconds: float) -> str:
        """Why nothing more will come of this model, or "": its device is lost, or one prediction takes for ever.

        That is `seconds`, in which no client is answered any more, and ten times what predictions took before.
        """
        count, since = self._running
        if count and time.monotonic() - since > max(seconds, STALLED * self._seconds * count):
            return f"one prediction has taken more than {seconds:g} s"
        return "its device has failed" if self._lost else ""

    def abandon(self) -> None:
        """Refuse what is queued, and whatever else comes."""
        self._closed = True
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is not None and job.future.set_running_or_notify_cancel():
                job.future.set_exception(Unavailable("the model has failed, and is started again", retry_after=5))

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        while not self._jobs.empty():  # what came in between
            if (job := self._jobs.get()) is not None:
                job.future.set_exception(_closing())

    def _run(self) -> None:
        jobs: list[_Job] = []  # emptied by what answers them: an error holds its frames, and those would hold pictures
        while self._take(jobs):
            self._answer(jobs)
        self._answer(jobs)

    def _take(self, jobs: list[_Job]) -> bool:
        """Wait for a job, and add it to `jobs` with those that are waiting behind it; False for the last time."""
        job = self._jobs.get()
        with self._submitting:
            pass  # until the other pictures of its request have come, too
        while job is not None:
            if _wanted(job):
                jobs.append(job)
            if len(jobs) >= self.batch_size:
                return True
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return True
        return False

    def _answer(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        begun = time.monotonic()
        self._running = (len(jobs), begun)
        try:
            with cancelled_by(partial(_check, [*map(_CALLER, jobs)])):
                # No list of pictures has a name here: an error holds its frames, and they would hold it.
                predictions = self._predict([*map(_PIXELS, jobs)], [*map(_OPTIONS, jobs)])
        except BaseException as error:  # the thread must outlive whatever a model raises; every caller hears of it
            self._fail(jobs, self._explain(error))
            return
        finally:
            self._running = (0, 0.0)
        took = time.monotonic() - begun
        self._recent.append(took / len(jobs))
        # The lower of two middle ones: the first prediction of all takes longer than any other.
        self._seconds = statistics.median_low(self._recent)
        inference_ms = took * 1000
        for job, prediction in zip(jobs, predictions, strict=True):
            job.future.set_result(Answer(prediction, (begun - job.queued) * 1000, inference_ms))
        jobs.clear()

    def _fail(self, jobs: list[_Job], error: BaseException) -> None:
        self._lost = self._lost or isinstance(error, DeviceLost)
        if len(jobs) == 1:
            jobs.pop().future.set_exception(error)
        while jobs:  # one picture, such as one too large for the memory, must not fail the others
            if (reason := jobs[0].caller.unwanted()) is not None:
                jobs.pop(0).future.set_exception(reason)
            else:
                self._answer([jobs.pop(0)])
