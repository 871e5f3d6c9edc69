"""How long each stage of a request took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from container.errors import ClientGone, DeadlineExceeded
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
        self._open: tuple[str, float] | None = None  # the stage of a block that has not ended, and when it began

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
        """Milliseconds since the request began."""
        return (time.monotonic() - self.started) * 1000
