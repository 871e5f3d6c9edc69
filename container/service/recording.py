"""Records what models answer in the store: answers wait in memory, and one thread makes objects of them and writes.

A request only adds to a list, which takes microseconds; all else is done while no model computes, or a little at a time
where one always does. If the store cannot be written, answers wait; those for which there is no room are counted, and
no request fails or waits for it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from container import background
from container.background import Rests
from container.engines.base import ImageEngine
from container.errors import NotFound, Unavailable
from container.models.loading import Model
from container.service.answers import Answered, as_objects
from container.service.drifting import Baseline
from container.service.pipeline import RequestContext
from container.service.sessions import size_of
from container.store import recorded, runs
from container.store.database import Connection, now
from container.store.recorded import Answer, Served
from container.store.store import Store
from container.structures import Result
from container.telemetry import metrics

log = logging.getLogger("maskserve.store")

WAITING = 1000  # answers that wait at most
HELD = 64 << 20  # bytes of what they hold: masks of semantic models are as large as their pictures
BATCH, BATCH_BYTES = 100, 8 << 20  # answers, and bytes of their objects, in one transaction
PAUSE_SECONDS = 0.5  # between two looks at what waits
LATEST_SECONDS = 10.0  # that answers wait for a moment in which no model computes
RETRY_SECONDS = 5.0  # after the store could not be written
CLOSE_SECONDS = 5.0  # for what waits, when the server ends
SPARE = 100  # a part of the most predictions that there may be: once so many were written, all are counted again


class _Waiting(NamedTuple):
    """An answer in memory."""

    answered: Answered
    bytes: int
    since: float  # on the monotonic clock


class Recorder:
    """Records in a dataset, whose recorded runs have at most `most` predictions together; thread-safe.

    With a `baseline`, the id of a run, it also tells the metrics how far the last answers are from that.
    """

    def __init__(self, store: Store, dataset: str, most: int, baseline: str = "") -> None:
        self._store = store
        self._dataset = dataset
        self._most = most
        self._baseline = Baseline(store, baseline) if baseline else None
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()  # those that are being written, too
        self._held = 0  # bytes of these
        self._runs: dict[Served, str] = {}  # ids of runs
        self._dataset_key = 0  # of the last run
        self._room = 0  # predictions that may be written before all are counted again
        self._rests = Rests()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many answers are not written yet."""
        return len(self._waiting)

    def record(self, context: RequestContext, model: Model, results: Sequence[Result]) -> None:
        """Record what a model of images has answered in a request, some time later, if there is room for it."""
        if not isinstance(model.engine, ImageEngine):
            return
        served, moment = Served(model.name, model.weights), now()
        for result in results:
            answered = Answered(
                served, context.model, context.reference, context.id, context.answered, result.prediction, moment
            )
            context.answered += 1
            if reason := self._added(answered):
                metrics.UNRECORDED.labels(reason).inc()

    def _added(self, answered: Answered) -> str:
        """Let an answer wait; return why there is no room for it, or ""."""
        size = size_of(answered.prediction)
        with self._lock:
            if self._closing.is_set():
                return "ending"
            if len(self._waiting) >= WAITING:
                return "queue"
            if self._held + size > HELD:
                return "memory"
            self._waiting.append(_Waiting(answered, size, time.monotonic()))
            self._held += size
        return ""

    def close(self) -> None:
        """Write what waits, for CLOSE_SECONDS at most."""
        with self._lock:
            self._closing.set()
        self._thread.join(CLOSE_SECONDS)
        if left := self.waiting:
            log.warning("%d answers are not recorded: the server ends", left)
            metrics.UNRECORDED.labels("ending").inc(left)

    def _run(self) -> None:
        ending = False
        while not ending:
            ending = self._closing.wait(PAUSE_SECONDS)
            while self._is_time() and self._work():
                pass

    def _is_time(self) -> bool:
        """Return True if answers wait, and should wait no longer."""
        with self._lock:
            if not self._waiting:
                return False
            late = time.monotonic() - self._waiting[0].since > LATEST_SECONDS
        return late or self._hurried() or not background.wanted_elsewhere()

    def _hurried(self) -> bool:
        with self._lock:
            return self._closing.is_set() or 2 * len(self._waiting) > WAITING or 2 * self._held > HELD

    def _rest(self) -> None:
        if not self._hurried():
            self._rests.take()

    def _work(self) -> bool:
        """Record the next answers; return False if the server ends before that can be done."""
        self._rests = Rests()
        with self._lock:
            some = [self._waiting[i].answered for i in range(min(BATCH, len(self._waiting)))]
        taken, size, made = 0, 0, list[tuple[Answered, Answer]]()
        for answered in some:
            taken += 1
            try:
                answer = as_objects(answered, self._rest)
            except Exception:  # a mask that cannot be made; no memory
                log.exception("the answer to request %s cannot be recorded", answered.request_id)
                metrics.UNRECORDED.labels("error").inc()
                continue
            made.append((answered, answer))
            size += sum(len(row.payload) for row in answer.rows)
            if size > BATCH_BYTES:
                break
        if not self._written(made):
            return False
        with self._lock:
            for _ in range(taken):
                self._held -= self._waiting.popleft().bytes
        return True

    def _written(self, answers: Sequence[tuple[Answered, Answer]]) -> bool:
        """Write answers, again and again if the store does not answer; return False if the server ends first."""
        while True:
            try:
                self._write(answers)
                break
            except Unavailable as error:
                log.warning("answers wait to be recorded: %s", error.message)
                if self._closing.wait(RETRY_SECONDS):
                    return False
            except Exception:  # whatever it is, the thread goes on with others
                log.exception("%d answers cannot be recorded", len(answers))
                metrics.UNRECORDED.labels("error").inc(len(answers))
                return True
        metrics.RECORDED.inc(len(answers))
        try:
            self._make_room()
            if self._baseline is not None:
                self._baseline.tell(answers)
        except Exception as error:  # the next time
            log.warning("after answers were recorded: %s", error)
        return True

    def _write(self, answers: Sequence[tuple[Answered, Answer]]) -> None:
        by_model: dict[Served, list[Answer]] = {}
        for answered, answer in answers:
            by_model.setdefault(answered.served, []).append(answer)
        for served, some in by_model.items():
            with self._store.write() as connection:
                run = self._run_of(connection, served)
                self._room -= recorded.write(connection, run, some)
            self._dataset_key = run.dataset_key or 0

    def _run_of(self, connection: Connection, served: Served) -> runs.Run:
        """Return the run of a model, which may have been deleted since the last time."""
        if known := self._runs.get(served):
            try:
                return runs.find(connection, known)
            except NotFound:
                pass
        run = recorded.find_run(connection, self._dataset, served)
        self._runs[served] = run.id
        return run

    def _make_room(self) -> None:
        """Erase the oldest predictions if there are too many; a few more, so that this is not done each time."""
        if self._room > 0:
            return
        spare = self._most // SPARE
        with self._store.read() as connection:
            keys = recorded.run_keys(connection, self._dataset_key)
            number = recorded.count(connection, keys)
        if number > self._most:
            while number > self._most - spare:
                self._rest()
                with self._store.write() as connection:
                    erased = recorded.erase_oldest(connection, self._dataset_key, keys, number - self._most + spare)
                number -= erased
                if not erased or self._closing.is_set():
                    return
        # Other processes write, too.
        self._room = min(self._most - number, max(1, spare))
