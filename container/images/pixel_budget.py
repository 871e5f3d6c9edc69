"""Memory for decoded pictures, shared by all requests of a process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from container.errors import Overloaded

PATIENCE = 20.0  # seconds
WAITING = 64  # requests
DECODING = 2  # a picture takes this many times its own memory while it is decoded: Pillow's pixels, and then ours


class PixelBudget:
    """A number of pixels that may be held at once; what comes beyond it waits, and is refused after PATIENCE,
    or at once where WAITING others wait. One picture is let in whatever its size when there is no other.
    """

    def __init__(self, pixels: int = 150_000_000) -> None:
        self.pixels = pixels
        self.held = 0
        self._waiting = 0
        self._changed = threading.Condition()

    def take(self, pixels: int) -> None:
        """Hold `pixels`, once there is room for them; Overloaded."""
        with self._changed:
            if not self._fits(pixels):
                self._wait(pixels)
            self.held += pixels

    def give_back(self, pixels: int) -> None:
        """Hold `pixels` no more."""
        with self._changed:
            self.held -= pixels
            self._changed.notify_all()

    def _wait(self, pixels: int) -> None:
        if self._waiting >= WAITING:
            raise Overloaded(f"{WAITING} requests are waiting for memory for their pictures already")
        self._waiting += 1
        try:
            if not self._changed.wait_for(lambda: self._fits(pixels), PATIENCE):
                raise Overloaded("the memory for decoded pictures is taken by other requests")
        finally:
            self._waiting -= 1

    def _fits(self, pixels: int) -> bool:
        return self.held == 0 or self.held + pixels <= self.pixels


@dataclass
class PixelShare:
    """The pixels that the pictures of one request hold, until it gives them back."""

    budget: PixelBudget
    held: int = 0

    @contextmanager
    def decoding(self, pixels: int) -> Iterator[None]:
        """Wait for the memory that decoding takes and hold it meanwhile, then that of the picture; Overloaded."""
        self.budget.take(DECODING * pixels)
        try:
            yield
        except BaseException:
            self.budget.give_back(DECODING * pixels)
            raise
        self.budget.give_back((DECODING - 1) * pixels)
        self.held += pixels

    def give_back(self) -> None:
        """Hold nothing: the request is done with its pictures."""
        if self.held:
            self.budget.give_back(self.held)
            self.held = 0
