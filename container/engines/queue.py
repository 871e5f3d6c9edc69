"""The request queue of a model: bounded, with deadlines, one prediction at a time.

A request that would wait past its deadline, judging by the duration of the last predictions, is rejected at once. A
prediction without a waiting client ends at its next checkpoint.

The queue is independent of torch and HTTP, and of what the model is asked and answers. Requests with different options
share a batch. A batch holds only queries that are already queued; none waits for a batch to fill.
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
from typing import Any, Generic, NamedTuple, TypeVar

from container import background
from container.cancellation import cancelled_by
from container.errors import (
    ClientGone,
    DeadlineExceeded,
    DeviceLost,
    Overloaded,
    PayloadTooLarge,
    ServingError,
    Unavailable,
)
from container.gate import outside

WATCHED = 0.1  # seconds in the queue after which a request's client is checked before the prediction
STALLED = 10  # times the usual duration
HOPELESS = 1.5  # times what is left until the deadline: as much as pictures differ
RECENT = 9  # predictions from which the duration of the next is estimated
REFUSALS = 100  # a second that are answered at once; see _Pace

Query = TypeVar("Query")
Output = TypeVar("Output")
Predict = Callable[[Sequence[Query]], Sequence[Output]]


class Answer(NamedTuple, Generic[Output]):
    """What a model answers to one query, with its milliseconds in the queue and in the model."""

    output: Output
    queue_ms: float
    inference_ms: float


class _Caller(NamedTuple):
    """The caller of a prediction; holds no query, because cancellation errors keep a reference to it."""

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
class _Job(Generic[Query, Output]):
    query: Query
    caller: _Caller
    queued: float = field(default_factory=time.monotonic)
    future: "Future[Answer[Output]]" = field(default_factory=Future)


_CALLER, _QUERY = attrgetter("caller"), attrgetter("query")


def _check(callers: Sequence[_Caller]) -> None:
    """Raise DeadlineExceeded or ClientGone if none of the callers waits any more."""
    reasons = list(filter(None, (caller.unwanted() for caller in callers)))
    if len(reasons) == len(callers):
        raise reasons.pop()  # popped: the error holds this frame, and a reference from it would keep the query


def _wanted(job: _Job[Any, Any]) -> bool:
    """Return True if a job is still wanted; a job past its deadline has been cancelled by its caller."""
    if not job.future.set_running_or_notify_cancel():
        return False
    if time.monotonic() - job.queued > WATCHED and job.caller.gone():
        job.future.set_exception(ClientGone("the client closed the connection before the model was asked"))
        return False
    return True


class _Pace:
    """Lets refusals out at no more than REFUSALS a second: a later one waits, for half a second at most.

    Without it, 96 clients that ask again at once take two cores for 870 refusals a second, and a third of the usual
    answers is left. At most REFUSALS threads wait; who comes then is refused at once.
    """

    MOST_SECONDS = 0.5

    def __init__(self) -> None:
        self._due = 0.0  # the end of the time that refusals so far have taken up
        self._waiting = 0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for this thread's turn to refuse."""
        with self._lock:
            now = time.monotonic()
            # Those of one second may come at once.
            self._due = min(max(self._due, now - 1) + 1 / REFUSALS, now + self.MOST_SECONDS)
            seconds = self._due - now
            if seconds <= 0 or self._waiting >= REFUSALS:
                return
            self._waiting += 1
        with outside():
            time.sleep(seconds)
        with self._lock:
            self._waiting -= 1


def _closing() -> Unavailable:
    return Unavailable("the model is being unloaded")


class Dispatcher(Generic[Query, Output]):
    """A thread that answers queued queries, at most `batch_size` at a time."""

    def __init__(
        self,
        predict: Predict[Query, Output],
        queue_size: int,
        batch_size: int = 1,
        explain: Callable[[BaseException], BaseException] = lambda error: error,
    ) -> None:
        """`explain` converts an error of `predict` to one that a client may see."""
        self._predict = predict
        self._explain = explain
        self.batch_size = batch_size
        self.waiting: Callable[[float], None] = lambda more: None  # told by how many the queue has grown
        self._jobs: queue.Queue[_Job[Query, Output] | None] = queue.Queue(queue_size)
        self._closed = False
        self._recent: deque[float] = deque([0.0], RECENT)  # seconds per query
        self._seconds = 0.0  # their median; 0 while nothing is known
        self._running: tuple[int, float] = (0, 0.0)  # number of queries being answered, and the start time
        self._ended = float("-inf")  # when the last ones were answered
        self._lost = False  # True if the device has failed; see DeviceLost
        self._submitting = threading.Lock()  # held while the queries of one request are queued
        self._pace = _Pace()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._thread.start()
        background.watch(self)

    def predict(
        self,
        queries: Sequence[Query],
        deadline: float,
        gone: Callable[[], bool] = lambda: False,
    ) -> list[Answer[Output]]:
        """Queue queries together, and wait for their answers, in batches of up to `batch_size`.

        Raises Overloaded, DeadlineExceeded, ClientGone, or any error of the engine; the remaining ones are cancelled.
        """
        self.admit(deadline)
        jobs: list[_Job[Query, Output]] = [_Job(query, _Caller(deadline, gone)) for query in queries]
        futures = deque(job.future for job in jobs)
        answers: list[Answer[Output]] = []
        try:
            with self._submitting:
                while jobs:
                    self._jobs.put_nowait(jobs.pop(0))
                    self.waiting(1)
            while futures:
                with outside():
                    answers.append(futures[0].result(max(0.0, deadline - time.monotonic())))
                futures.popleft()
            return answers
        except queue.Full:
            raise self._refusal(self._full) from None
        except TimeoutError:
            waited = futures[0].cancel()
            stage = "waiting in the queue" if waited else "in the model"
            raise DeadlineExceeded(f"the request was still {stage} at its deadline", waited=waited) from None
        finally:  # an error in a future holds this frame, whose references would live until a collection
            jobs.clear()
            while futures:
                futures.pop().cancel()

    def admit(self, deadline: float) -> None:
        """Raise Overloaded if a request would be rejected now; called before decoding an image in vain."""
        if self._closed:
            raise _closing()
        if self._jobs.full():
            raise self._refusal(self._full)
        wait = self._expected_wait()
        if wait and time.monotonic() + wait + self._seconds > deadline:
            raise self._refusal(
                f"the model is busy for another {wait:.1f} s, and would not get to this request before its deadline",
                math.ceil(wait),
            )

    def check_count(self, count: int, deadline: float) -> None:
        """Raise PayloadTooLarge if queries of one request would take far longer than is left, by the last predictions.

        An array of 12 KB with 256 pictures kept a Mask R-CNN on two cores busy for 55 s, and was then refused.
        """
        needed, left = count * self._seconds, deadline - time.monotonic()
        if needed > HOPELESS * left:
            raise PayloadTooLarge(
                f"{count} pictures take this model about {needed:.0f} s, and the request has {left:.0f}",
                hint="send fewer in one request",
            )

    def _refusal(self, message: str, retry_after: int = 1) -> Overloaded:
        """Return the error of a refused request, once it may be sent; see _Pace."""
        self._pace.wait()
        return Overloaded(message, retry_after=retry_after)

    @property
    def _full(self) -> str:
        return f"{self._jobs.maxsize} requests are waiting for the model already"

    def _expected_wait(self) -> float:
        """Return the seconds before a new request would start; 0 if the queue is empty, or nothing is known yet."""
        count, since = self._running
        left = max(0.0, count * self._seconds - (time.monotonic() - since)) if count else 0.0
        return self._jobs.qsize() * self._seconds + left

    def busy(self, within: float) -> bool:
        """Return True if a prediction is running, or was within these seconds."""
        return self._running[0] > 0 or time.monotonic() - self._ended < within

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
                job = self._next(block=False)
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
            if (job := self._next()) is not None:
                job.future.set_exception(_closing())

    def _run(self) -> None:
        jobs: list[_Job[Query, Output]] = []  # emptied by `_answer`: an error holds its frames, which hold this
        while self._take(jobs):
            self._answer(jobs)
        self._answer(jobs)

    def _take(self, jobs: list[_Job[Query, Output]]) -> bool:
        """Wait for a job, and add it and those queued behind it to `jobs`; return False once the queue is closed."""
        job = self._next()
        with self._submitting:
            pass  # wait until all queries of its request are queued
        while job is not None:
            if _wanted(job):
                jobs.append(job)
            if len(jobs) >= self.batch_size:
                return True
            try:
                job = self._next(block=False)
            except queue.Empty:
                return True
        return False

    def _next(self, block: bool = True) -> _Job[Query, Output] | None:
        job = self._jobs.get(block)
        if job is not None:
            self.waiting(-1)
        return job

    def _answer(self, jobs: list[_Job[Query, Output]]) -> None:
        if not jobs:
            return
        begun = time.monotonic()
        self._running = (len(jobs), begun)
        try:
            with cancelled_by(partial(_check, [*map(_CALLER, jobs)])):
                # The list of queries has no name here: an error holds its frames, and those would hold the list.
                outputs = self._predict([*map(_QUERY, jobs)])
        except BaseException as error:  # the thread must survive any error of a model; every caller gets the error
            self._fail(jobs, self._explain(error))
            return
        finally:
            self._running = (0, 0.0)
            self._ended = time.monotonic()
        took = time.monotonic() - begun
        self._recent.append(took / len(jobs))
        # The lower median, because the very first prediction takes longer than any other.
        self._seconds = statistics.median_low(self._recent)
        inference_ms = took * 1000
        for job, output in zip(jobs, outputs, strict=True):
            job.future.set_result(Answer(output, (begun - job.queued) * 1000, inference_ms))
        jobs.clear()

    def _fail(self, jobs: list[_Job[Query, Output]], error: BaseException) -> None:
        self._lost = self._lost or isinstance(error, DeviceLost)
        if len(jobs) == 1:
            jobs.pop().future.set_exception(error)
        while jobs:  # one query, such as an image too large for the memory, must not fail the others
            if (reason := jobs[0].caller.unwanted()) is not None:
                jobs.pop(0).future.set_exception(reason)
            else:
                self._answer([jobs.pop(0)])
