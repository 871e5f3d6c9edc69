"""Asynchronous requests: a bounded queue of tasks whose results are written to S3, and its worker threads."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from container import memory
from container.errors import DeadlineExceeded, NotFound, OutOfMemory, Overloaded, ServingError, Unavailable
from container.s3 import Location, Store
from container.web.protocol import as_json, error_document

log = logging.getLogger("maskserve.request")

THREADS = 4  # one predicts at a time; the others fetch, decode, encode and write
WAITING = 256  # queued jobs; each may hold a body of 128,000 bytes
REMEMBERED = 1000  # ended jobs whose state is kept
DRAIN_SECONDS = 15.0  # time after SIGTERM for jobs in progress

State = Literal["Queued", "InProgress", "Completed", "Failed"]


class JobResult(NamedTuple):
    """The result of a task."""

    body: bytes
    media_type: str
    fields: dict[str, object]  # for the log line


Task = Callable[[float], JobResult]  # the argument is its time limit in seconds


@dataclass(eq=False)  # compared by identity: two jobs may have the same id
class Job:
    """The state of an asynchronous request, and the locations of its output."""

    id: str
    output: Location
    failure: Location
    ttl_seconds: float  # maximum time in the queue
    seconds: float  # time limit of the task
    state: State = "Queued"
    error: str = ""
    settled: bool = False  # a thread has claimed its outcome


class AsyncQueue:
    """A queue of jobs with its worker threads and a record of ended jobs.

    After `draining` is set, no job starts, and jobs that do not end within DRAIN_SECONDS fail.
    """

    def __init__(self, store: Store, draining: threading.Event, waiting: int = WAITING) -> None:
        self.store = store
        self._draining = draining
        self._lock = threading.Lock()
        self._jobs: list[Job] = []  # in the order of their arrival; several may have one id
        self._open: set[Job] = set()  # neither completed nor failed
        self._queue: queue.Queue[tuple[Job, Task, float] | None] = queue.Queue(waiting)
        self._threads = [threading.Thread(target=self._run, name=f"job {i}", daemon=True) for i in range(THREADS)]
        self._drain_thread = threading.Thread(target=self._drain, name="job drain", daemon=True)
        for thread in [*self._threads, self._drain_thread]:
            thread.start()

    def add(self, job: Job, task: Task) -> None:
        """Queue `task`; Overloaded if the queue is full, Unavailable while shutting down."""
        if self._draining.is_set():
            raise Unavailable("the server is shutting down")
        with self._lock:
            try:
                self._queue.put_nowait((job, task, time.monotonic()))
            except queue.Full:
                raise Overloaded(f"{self._queue.maxsize} asynchronous requests are waiting already") from None
            self._open.add(job)
            self._jobs.append(job)
            ended = [one for one in self._jobs if one not in self._open]
            forgotten = set(ended[: max(0, len(ended) - REMEMBERED)])
            self._jobs = [one for one in self._jobs if one not in forgotten]

    def get(self, job_id: str) -> list[Job]:
        """Return the jobs with this id, the first one first; NotFound if this process knows none.

        Callers choose ids, and a later caller replaces no state of an earlier one.
        """
        with self._lock:
            found = [job for job in self._jobs if job.id == job_id]
        if not found:
            raise NotFound(f"no asynchronous request {job_id[:64]!r} is known here; the last {REMEMBERED} are")
        return found

    def close(self) -> None:
        """Wait until all jobs have ended or failed, after `draining` is set."""
        self._drain_thread.join()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            job, task, queued = item
            del item
            self._run_once(job, task, queued)
            del task  # releases the body that it holds, before waiting for the next

    def _run_once(self, job: Job, task: Task, queued: float) -> None:
        waited = time.monotonic() - queued
        try:
            result = self._result(job, task, waited)
            if not self._claim_outcome(job):
                return
            self.store.write(job.output, result.body, result.media_type)
            self._end(job, "Completed", {"queued_ms": round(waited * 1000, 1), **result.fields})
        except ServingError as error:
            self._fail(job, error)
        except Exception as error:  # the thread must survive any error of a model; the job fails with it
            if memory.lacking(error):
                self._fail(job, OutOfMemory("there is not enough memory for this request"))
                return
            log.error("asynchronous request %s", job.id, exc_info=error)
            self._fail(job, ServingError("the server failed on this request; its log says why"))

    def _result(self, job: Job, task: Task, waited: float) -> JobResult:
        if self._draining.is_set():
            raise Unavailable("the server shut down before this request's turn came; send it again")
        if waited > job.ttl_seconds:
            raise DeadlineExceeded(f"the request waited longer than its {job.ttl_seconds:g} s")
        job.state = "InProgress"
        return self._run_with_retries(job, task)

    def _run_with_retries(self, job: Job, task: Task) -> JobResult:
        """Return the result of the task, retrying while it raises Unavailable: no client would retry it."""
        end = time.monotonic() + job.seconds
        while True:
            try:
                return task(end - time.monotonic())
            except Unavailable as error:
                if self._draining.is_set() or time.monotonic() + error.retry_after > end:
                    raise
                self._draining.wait(error.retry_after)

    def _claim_outcome(self, job: Job) -> bool:
        """Return True if the calling thread is the first to claim the job's outcome and so may set it."""
        with self._lock:
            first, job.settled = not job.settled, True
        return first

    def _fail(self, job: Job, error: ServingError) -> None:
        job.settled = True
        job.error = error.message
        try:
            self.store.write(job.failure, as_json(error_document(error, job.id)), "application/json")
        except ServingError as unwritten:
            log.error("asynchronous request %s has no failure object: %s", job.id, unwritten.message)
        self._end(job, "Failed", {"code": error.code, "error": error.message})

    def _end(self, job: Job, state: State, fields: dict[str, object]) -> None:
        with self._lock:
            job.state = state
            self._open.discard(job)
        log.info("asynchronous request", extra={"fields": {"request_id": job.id, "state": state, **fields}})

    def _drain(self) -> None:
        self._draining.wait()
        end = time.monotonic() + DRAIN_SECONDS
        try:
            for _ in self._threads:
                self._queue.put(None, timeout=max(0.0, end - time.monotonic()))
        except queue.Full:
            pass
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        with self._lock:
            left = list(self._open)
        for job in left:
            if self._claim_outcome(job):  # not ended; its thread can no longer claim the outcome
                self._fail(job, Unavailable("the server shut down before this request was done; send it again"))
