"""Work that gives way to predictions: uploads, exports and jobs of the store rest while a model computes.

On two cores an upload that never rested made predictions take 2.4 times as long.

    rests = Rests()
    for row in rests.between(rows):  # rests now and then, for as long as predictions run
        …
"""

import time
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar
from weakref import WeakSet

from container.gate import outside

RATIO = 10.0  # times as long as it has worked, work rests while a model computes
SLICE_SECONDS = 0.002  # of work between two rests, at least
LONGEST_SECONDS = 0.25  # of one rest
MOST_SECONDS = 5.0  # of the rests of one request, which its client waits for
RECENT_SECONDS = 0.1  # after a prediction, in which the next one of the same client is likely

T = TypeVar("T")


class Model(Protocol):
    """What computes predictions."""

    def busy(self, within: float) -> bool:
        """Return True if it computes, or has done so within these seconds."""


_models: WeakSet[Model] = WeakSet()


def watch(model: Model) -> None:
    """Have work give way to a model for as long as it exists."""
    _models.add(model)


def wanted_elsewhere() -> bool:
    """Return True if a model computes, or has a moment ago."""
    return any(model.busy(RECENT_SECONDS) for model in [*_models])


class Rests:
    """The rests of one piece of work: short ones in between, and together at most MOST_SECONDS."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._left = MOST_SECONDS

    def between(self, rows: Iterable[T]) -> Iterator[T]:
        """Yield `rows`; what the caller does with one, and the making of the next, is the work."""
        for row in rows:
            self.take()
            yield row

    def take(self) -> None:
        """Rest if work has gone on for a while and a model computes; others take the place of this thread."""
        worked = time.monotonic() - self._begun
        if worked < SLICE_SECONDS:
            return
        if self._left > 0 and wanted_elsewhere():
            seconds = min(RATIO * worked, LONGEST_SECONDS, self._left)
            self._left -= seconds
            with outside():
                time.sleep(seconds)
        self._begun = time.monotonic()
