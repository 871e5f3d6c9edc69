"""The learning rate over a run, and a run's progress."""

import math
import time
from dataclasses import dataclass, field

WARM_UP_STEPS = 200


@dataclass
class Progress:
    """How far a run is: by steps, or by time where that is scarcer; it goes on where a checkpoint left it."""

    steps: int
    max_minutes: float  # 0: no limit
    step: int = 0
    seconds_before: float = 0.0  # of earlier parts of an interrupted run
    _started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds that the run has taken, interruptions left out."""
        return self.seconds_before + time.monotonic() - self._started

    @property
    def share(self) -> float:
        """From 0 to 1."""
        timed = self.seconds / (60 * self.max_minutes) if self.max_minutes else 0.0
        return min(1.0, max(self.step / self.steps, timed))


def rate(step: int, share: float) -> float:
    """The learning rate in parts of its peak: a linear rise, then half a cosine (arXiv:1608.03983) to a hundredth."""
    return min(1.0, (step + 1) / WARM_UP_STEPS) * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)
