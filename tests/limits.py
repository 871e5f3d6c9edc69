"""Bounds on what a call may take, for files that are made to take all."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def bounded(megabytes: int = 300, seconds: float = 10) -> Iterator[None]:
    """Within the block the process can get no more than so much memory, and the block must not take longer.

    Whoever asks for more gets a MemoryError.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + megabytes * 1_000_000, hard))
    begun = time.monotonic()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert time.monotonic() - begun < seconds
