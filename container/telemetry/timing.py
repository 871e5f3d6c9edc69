"""How long each stage of a request took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from container.errors import DeadlineExceeded
from container.telemetry import metrics


class Timings:
    """Milliseconds by stage, in the order in which the stages began, and how long the work is wanted: up to a deadline
    on the monotonic clock, and as long as the caller is not `gone`.
    """

    def __init__(self, deadline_seconds: float, gone: Callable[[], bool] = lambda: False) -> None:
        self.gone = gone
        self.started = time.monotonic()
        self.deadline = self.started + deadline_seconds
        self.stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to stage `name`."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.add(name, (time.monotonic() - begun) * 1000)

    def add(self, name: str, milliseconds: float) -> None:
        """Add to stage `name`, here and in the metrics."""
        self.stages[name] = self.stages.get(name, 0.0) + milliseconds
        metrics.STAGES.labels(name).observe(milliseconds / 1000)

    def check(self) -> None:
        """DeadlineExceeded, naming the slowest stage, where the deadline has passed."""
        if time.monotonic() > self.deadline:
            slowest = max(self.stages, key=lambda name: self.stages[name], default="none")
            raise DeadlineExceeded(f"the deadline passed before the model was asked; the slowest stage was {slowest!r}")

    @property
    def total(self) -> float:
        """Milliseconds since the request began."""
        return (time.monotonic() - self.started) * 1000
