"""Memory: how much is free, errors that tell of its want, and glibc's allocator, told to give it back.

The allocator's defaults keep what a burst of large pictures took.
"""

import ctypes
import mmap
from contextlib import suppress
from pathlib import Path

from container.errors import OutOfMemory

# The limit of a control group, what it holds, and the line of its statistics with what the kernel can take back.
_GROUPS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),  # version 1
)

IDLE_SECONDS = 1.0  # without a request but /ping, after which freed memory goes back
BUSY_SECONDS = 60.0  # after which it does in any case: under load, holes in the heap grow by 1 MB a thousand requests

# What CUDA, torch, OpenVINO and OpenCV say, in lower case; their errors are of no class of their own.
_LACKING = (
    *("out of memory", "not enough memory", "can't allocate memory", "failed to allocate", "insufficient memory"),
    "can't start new thread",  # Python, with a RuntimeError
)


def lacking(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, tells that there was no memory to be had."""
    while error is not None:
        if isinstance(error, MemoryError | OutOfMemory) or any(text in str(error).lower() for text in _LACKING):
            return True
        error = error.__cause__
    return False


def keep_low() -> None:
    """One arena instead of one a thread, and large blocks returned when freed; processes forked later inherit it.

    742 pictures up to 49 megapixels, 8 at a time, left 1.1 GB behind with the defaults and 0.5 GB with two arenas, of
    which `give_back` takes all but 230 MB; all but 190 with one, as it cannot empty the end of a second: up to 60 MB
    stayed there. Requests a second are the same with one as with two (0.997 to 1.025, four kinds of load, two cores).
    """
    with suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in ((-8, 1), (-1, 128 << 20), (-3, 16 << 20)):  # M_ARENA_MAX, M_TRIM_…, M_MMAP_THRESHOLD
            mallopt(parameter, value)


def give_back() -> None:
    """Return what is free; up to some tens of milliseconds in which allocations wait: when idle, or once in a while."""
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


class Freed:
    """When freed memory goes back: once the server has been idle for a second, and once a minute while it is not.

    Times are seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        self._used = self._given_back = 0.0

    def used(self, now: float) -> None:
        """The server is at work."""
        self._used = now

    def give_back(self, now: float) -> None:
        """Return what is free, where it is time."""
        idle = now - self._used > IDLE_SECONDS
        if self._used > self._given_back and (idle or now - self._given_back > BUSY_SECONDS):
            self._given_back = now
            give_back()


def obtainable(size: int) -> bool:
    """Whether this process would be given `size` more bytes now; they are asked for and not touched, so it is cheap."""
    try:
        mmap.mmap(-1, size).close()
    except OSError:
        return False
    return True


def available(cgroup: Path = Path("/sys/fs/cgroup"), meminfo: Path = Path("/proc/meminfo")) -> int:
    """Bytes that this process may still take: what the machine has, and the limit of its control group."""
    free = [_table(meminfo)["MemAvailable:"] * 1024]
    for limit, held, reclaimable in _GROUPS:
        with suppress(OSError, ValueError, KeyError):  # no such group, or no limit: "max"
            reclaim = _table((cgroup / limit).with_name("memory.stat"))[reclaimable]
            free.append(int((cgroup / limit).read_text()) - int((cgroup / held).read_text()) + reclaim)
    return min(free)


def _table(path: Path) -> dict[str, int]:
    """Lines of a name, a number and perhaps a unit."""
    return {name: int(number) for name, number, *_ in map(str.split, path.read_text().splitlines())}
