"""Memory for decoded pictures, shared by all requests of a process."""

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from container.errors import Overloaded
from container.structures import Image

PATIENCE = 20.0  # seconds
WAITING = 64  # requests
COLLECTION_SECONDS = 5.0  # between two; one takes a tenth of a second, in which nothing else runs
DECODING = 2  # a picture takes this many times its own memory while it is decoded: Pillow's pixels, and then ours


class Room:
    """A number of pixels that may be held at once; what comes beyond it waits, and is refused after PATIENCE,
    or at once where WAITING others wait.

    A picture is held until its answer has been made, which is when its Image is no longer referred to. One picture is
    let in whatever its size when there is no other.
    """

    def __init__(self, pixels: int = 150_000_000) -> None:
        self.pixels = pixels
        self.held = 0
        self._waiting = 0
        self._collected = 0.0  # on the monotonic clock, the last time
        self._changed = threading.Condition()  # reentrant: a collection may free an Image while its lock is held

    @contextmanager
    def decoding(self, pixels: int) -> Iterator[None]:
        """Wait for the memory that decoding takes, and hold it meanwhile; Overloaded where none came free."""
        with self._changed:
            if not self._fits(DECODING * pixels):
                self._wait(DECODING * pixels)
            self.held += DECODING * pixels
        try:
            yield
        finally:
            self._give_back(DECODING * pixels)

    def _wait(self, pixels: int) -> None:
        if self._waiting >= WAITING:
            raise Overloaded(f"{WAITING} requests are waiting for memory for their pictures already")
        end = time.monotonic() + PATIENCE
        self._waiting += 1
        try:
            self._collect()
            while not self._changed.wait_for(lambda: self._fits(pixels), min(PATIENCE, COLLECTION_SECONDS)):
                if time.monotonic() > end:
                    raise Overloaded("the memory for decoded pictures is taken by other requests")
                self._collect()
        finally:
            self._waiting -= 1

    def _collect(self) -> None:
        """Have pictures freed that errors hold which were raised in other threads."""
        if time.monotonic() - self._collected > COLLECTION_SECONDS:
            gc.collect()
            self._collected = time.monotonic()

    def keep(self, image: Image) -> Image:
        """`image`, which takes its share for as long as it lives."""
        pixels = image.size[0] * image.size[1]
        with self._changed:
            self.held += pixels
        weakref.finalize(image, self._give_back, pixels).atexit = False
        return image

    def _fits(self, pixels: int) -> bool:
        return self.held == 0 or self.held + pixels <= self.pixels

    def _give_back(self, pixels: int) -> None:
        with self._changed:
            self.held -= pixels
            self._changed.notify_all()
