"""A limit on decoded pixels in memory, shared by all requests of a process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from container.errors import Overloaded
from container.gate import outside

PATIENCE = 20.0  # seconds that a request waits for memory
WAITING = 64  # requests that may wait at once
DECODING = 2  # memory of an image during decoding, in multiples of its own: Pillow's pixels and ours


class PixelBudget:
    """A limit on the pixels held at once.

    A request over the limit waits, and is rejected after PATIENCE, or at once if WAITING others are waiting already. If
    no pixels are held, one image of any size is admitted. Of requests that hold pixels and need more, one at a time
    may go over the limit: they would else wait for each other.
    """

    def __init__(self, pixels: int = 150_000_000) -> None:
        self.pixels = pixels
        self.held = 0
        self._waiting = 0
        self._ahead: PixelShare | None = None  # which may go over the limit
        self._changed = threading.Condition()

    def take(self, pixels: int, holder: "PixelShare | None" = None) -> None:
        """Acquire `pixels`, waiting until they fit; raises Overloaded. `holder` holds others and needs more."""
        with self._changed:
            if self._takes(pixels, holder):
                return
        with outside(), self._changed:
            if not self._takes(pixels, holder):
                self._wait(pixels, holder)

    def give_back(self, pixels: int, holder: "PixelShare | None" = None) -> None:
        """Release `pixels`, the last ones of `holder`."""
        with self._changed:
            self.held -= pixels
            if self._ahead is holder:
                self._ahead = None
            self._changed.notify_all()

    def _wait(self, pixels: int, holder: "PixelShare | None") -> None:
        if self._waiting >= WAITING:
            raise Overloaded(f"{WAITING} requests are waiting for memory for their pictures already")
        self._waiting += 1
        try:
            if not self._changed.wait_for(lambda: self._takes(pixels, holder), PATIENCE):
                raise Overloaded("the memory for decoded pictures is taken by other requests")
        finally:
            self._waiting -= 1

    def _takes(self, pixels: int, holder: "PixelShare | None") -> bool:
        """Acquire `pixels` if they fit."""
        if self.held and self.held + pixels > self.pixels:
            if holder is None or self._ahead not in (None, holder):
                return False
            self._ahead = holder
        self.held += pixels
        return True


@dataclass(eq=False)
class PixelShare:
    """The pixels held by the images of one request, until it releases them."""

    budget: PixelBudget
    held: int = 0

    @contextmanager
    def decoding(self, pixels: int, weight: int = 1) -> Iterator[None]:
        """Acquire the pixels for decoding during the block, and keep those of the image after it; raises Overloaded.

        `weight` multiplies what decoding takes.
        """
        taken = DECODING * weight * pixels
        self.budget.take(taken, self if self.held else None)
        try:
            yield
        except BaseException:
            self.budget.give_back(taken)
            raise
        self.budget.give_back(taken - pixels)
        self.held += pixels

    def take(self, pixels: int) -> None:
        """Acquire `pixels` for a picture that is made, not decoded; raises Overloaded."""
        self.budget.take(pixels, self if self.held else None)
        self.held += pixels

    def give_back(self, pixels: int | None = None) -> None:
        """Release so many pixels of the request, by default all."""
        pixels = self.held if pixels is None else pixels
        if pixels:
            self.held -= pixels
            self.budget.give_back(pixels, None if self.held else self)
