"""How far the last answers of each model are from a baseline, for the metrics."""

import logging
import math
import time
from collections import deque
from collections.abc import Iterable

from container.errors import ServingError
from container.evaluation.drift import EDGES, Histogram, compared, place_of
from container.service.answers import Answered
from container.store import recorded, runs
from container.store.database import Connection
from container.store.recorded import Answer
from container.store.store import Store
from container.telemetry import metrics

log = logging.getLogger("maskserve.store")

RECENT = 5000  # objects of a model that are compared
LEAST = 500  # without which nothing is
AGAIN_SECONDS = 600.0  # after which the baseline is read again


def histogram(connection: Connection, run_id: str) -> Histogram:
    """Return the objects of a run by score and by class; NotFound if there is no such run."""
    found = Histogram()
    counts = recorded.histogram(connection, runs.find(connection, run_id).key, EDGES)
    for (label, place), number in counts.items():
        found.add(label, place, number)
    return found


class Baseline:
    """A run that what is recorded is compared with; used by one thread."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self._histogram = Histogram()
        self._read_at = -math.inf
        self._recent: dict[str, deque[tuple[str, int]]] = {}  # class and place of the score, by the model's label

    def tell(self, answers: Iterable[tuple[Answered, Answer]]) -> None:
        """Count answers, and set the gauges of their models."""
        changed = set()
        for answered, answer in answers:
            recent = self._recent.setdefault(answered.label, deque(maxlen=RECENT))
            changed.add(answered.label)
            for row in answer.rows:
                if row.kind in ("box", "category") and row.confidence is not None:
                    recent.append((row.label, place_of(row.confidence)))
        self._read()
        for label in changed:
            if len(self._recent[label]) < LEAST or not self._histogram.classes:
                continue
            found = Histogram()
            for name, place in self._recent[label]:
                found.add(name, place)
            drift = compared(found, self._histogram)
            metrics.SCORE_DRIFT.labels(label).set(drift.scores.index)
            metrics.CLASS_DRIFT.labels(label).set(drift.classes.index)

    def _read(self) -> None:
        if time.monotonic() - self._read_at < AGAIN_SECONDS:
            return
        self._read_at = time.monotonic()
        try:
            with self._store.read() as connection:
                self._histogram = histogram(connection, self._run_id)
        except ServingError as error:
            log.warning("what is recorded is compared with nothing: %s", error.message)
