"""The request queue of a model: bounded, with deadlines, one prediction at a time.

A request that would wait past its deadline, judging by the duration of the last predictions, is rejected at once. A
prediction without a waiting client ends at its next checkpoint.

The queue is independent of torch and HTTP. Requests with different options share a batch. A batch holds only requests
that are already queued; none waits for a batch to fill.
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

WATCHED = 0.1  # seconds in the queue after which a request's client is checked before the prediction
STALLED = 10  # times the usual duration
RECENT = 9  # predictions from which the duration of the next is estimated

Predict = Callable[[Sequence[np.ndarray], Sequence[Options]], Sequence[Prediction]]


class Answer(NamedTuple):
    """A prediction, with its milliseconds in the queue and in the model."""

    prediction: Prediction
    queue_ms: float
    inference_ms: float


class _Caller(NamedTuple):
    """The caller of a prediction; holds no image, because cancellation errors keep a reference to it."""

    deadline: float  # on the monotonic clock
    gone: Callable[[], bool]  # True once the client has disconnected

    def unwanted(self) -> ServingError | None:
        """Return the error if the caller no longer waits for the running prediction, else None."""
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
    """Raise DeadlineExceeded or ClientGone if none of the callers waits any more."""
    reasons = list(filter(None, (caller.unwanted() for caller in callers)))
    if len(reasons) == len(callers):
        raise reasons.pop()  # popped: the error holds this frame, and a reference from it would keep the image


def _wanted(job: _Job) -> bool:
    """Return True if a job is still wanted; a job past its deadline has been cancelled by its caller."""
    if not job.future.set_running_or_notify_cancel():
        return False
    if time.monotonic() - job.queued > WATCHED and job.caller.gone():
        job.future.set_exception(ClientGone("the client closed the connection before the model was asked"))
        return False
    return True


def _closing() -> Unavailable:
    return Unavailable("the model is being unloaded")


class Dispatcher:
    """A thread that predicts queued images, at most `batch_size` at a time."""

    def __init__(
        self,
        predict: Predict,
        queue_size: int,
        batch_size: int = 1,
        explain: Callable[[BaseException], BaseException] = lambda error: error,
    ) -> None:
        """`explain` converts an error of `predict` to one that a client may see."""
        self._predict = predict
        self._explain = explain
        self.batch_size = batch_size
        self._jobs: queue.Queue[_Job | None] = queue.Queue(queue_size)
        self._closed = False
        self._recent: deque[float] = deque([0.0], RECENT)  # seconds per image
        self._seconds = 0.0  # their median; 0 while nothing is known
        self._running: tuple[int, float] = (0, 0.0)  # number of images being predicted, and the start time
        self._lost = False  # True if the device has failed; see DeviceLost
        self._submitting = threading.Lock()  # held while the images of one request are queued
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()

    def predict(
        self,
        pictures: Sequence[np.ndarray],
        options: Options,
        deadline: float,
        gone: Callable[[], bool] = lambda: False,
    ) -> list[Answer]:
        """Queue images (uint8 H×W×3 RGB) together, and wait for their predictions, in batches of up to `batch_size`.

        Raises Overloaded, DeadlineExceeded, ClientGone, or any error of the engine; the remaining images are cancelled.
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
        finally:  # an error in a future holds this frame, whose references would live until a collection
            jobs.clear()
            while futures:
                futures.pop().cancel()

    def admit(self, deadline: float) -> None:
        """Raise Overloaded if a request would be rejected now; called before decoding an image in vain."""
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
        """Return the seconds before a new request would start; 0 if the queue is empty, or nothing is known yet."""
        count, since = self._running
        left = max(0.0, count * self._seconds - (time.monotonic() - since)) if count else 0.0
        return self._jobs.qsize() * self._seconds + left

    def broken(self, seconds: float) -> str:
        """Return why this model is broken, or "": its device has failed, or one prediction never returns.

        The latter means longer than `seconds`, the time within which clients are answered, and ten times the usual
        duration.
        """
        count, since = self._running
        if count and time.monotonic() - since > max(seconds, STALLED * self._seconds * count):
            return f"one prediction has taken more than {seconds:g} s"
        return "its device has failed" if self._lost else ""

    def abandon(self) -> None:
        """Reject the queued requests and all later ones."""
        self._closed = True
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is not None and job.future.set_running_or_notify_cancel():
                job.future.set_exception(Unavailable("the model has failed, and is started again", retry_after=5))

    def close(self) -> None:
        """Finish the queued requests and stop the thread."""
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        while not self._jobs.empty():  # queued in the meantime
            if (job := self._jobs.get()) is not None:
                job.future.set_exception(_closing())

    def _run(self) -> None:
        jobs: list[_Job] = []  # emptied by `_answer`: an error holds its frames, and those would hold images
        while self._take(jobs):
            self._answer(jobs)
        self._answer(jobs)

    def _take(self, jobs: list[_Job]) -> bool:
        """Wait for a job, and add it and those queued behind it to `jobs`; return False once the queue is closed."""
        job = self._jobs.get()
        with self._submitting:
            pass  # wait until all images of its request are queued
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
                # The list of images has no name here: an error holds its frames, and those would hold the list.
                predictions = self._predict([*map(_PIXELS, jobs)], [*map(_OPTIONS, jobs)])
        except BaseException as error:  # the thread must survive any error of a model; every caller gets the error
            self._fail(jobs, self._explain(error))
            return
        finally:
            self._running = (0, 0.0)
        took = time.monotonic() - begun
        self._recent.append(took / len(jobs))
        # The lower median, because the very first prediction takes longer than any other.
        self._seconds = statistics.median_low(self._recent)
        inference_ms = took * 1000
        for job, prediction in zip(jobs, predictions, strict=True):
            job.future.set_result(Answer(prediction, (begun - job.queued) * 1000, inference_ms))
        jobs.clear()

    def _fail(self, jobs: list[_Job], error: BaseException) -> None:
        self._lost = self._lost or isinstance(error, DeviceLost)
        if len(jobs) == 1:
            jobs.pop().future.set_exception(error)
        while jobs:  # one image, such as one too large for the memory, must not fail the others
            if (reason := jobs[0].caller.unwanted()) is not None:
                jobs.pop(0).future.set_exception(reason)
            else:
                self._answer([jobs.pop(0)])
