"""Memory: the free amount, detection of out-of-memory errors, and tuning of glibc's allocator to release memory.

With its default settings the allocator keeps the memory of a burst of large images.
"""

import ctypes
import mmap
from contextlib import suppress
from pathlib import Path

from container.errors import OutOfMemory

# A control group's files for limit and usage, and the line of memory.stat with the reclaimable bytes.
_GROUPS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),  # version 1
)

IDLE_SECONDS = 1.0  # without a request except /ping, after which freed memory is released
BUSY_SECONDS = 60.0  # after which it is released anyway: under load, heap fragmentation grows by 1 MB per 1000 requests

# Messages of CUDA, torch, OpenVINO and OpenCV, in lower case; they have no exception class for it.
_LACKING = (
    *("out of memory", "not enough memory", "can't allocate memory", "failed to allocate", "insufficient memory"),
    "bad_alloc",
    "can't start new thread",  # Python's RuntimeError
)

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h


def lacking(error: BaseException | None) -> bool:
    """Return True if an error, or one of its causes, reports a lack of memory."""
    while error is not None:
        if isinstance(error, MemoryError | OutOfMemory) or any(text in str(error).lower() for text in _LACKING):
            return True
        error = error.__cause__
    return False


def keep_low() -> None:
    """Use one malloc arena instead of one per thread, and release large freed blocks; forked processes inherit it.

    742 images up to 49 megapixels, 8 at a time, left 1.1 GB allocated with the defaults and 0.5 GB with two arenas, of
    which `give_back` releases all but 230 MB. With one arena it releases all but 190 MB, because the end of a second
    arena cannot be trimmed: up to 60 MB stayed there. Throughput is the same with one as with two (0.997 to 1.025, four
    kinds of load, two cores).
    """
    _mallopt({_M_ARENA_MAX: 1, _M_TRIM_THRESHOLD: 128 << 20, _M_MMAP_THRESHOLD: 16 << 20})


def keep_high() -> None:
    """Keep freed blocks, however large, for the next step of a run, which allocates the same sizes again.

    The default unmaps large blocks, and the kernel zeroes new pages for each.
    """
    _mallopt({_M_TRIM_THRESHOLD: 1 << 30, _M_MMAP_THRESHOLD: 1 << 30})


def _mallopt(values: dict[int, int]) -> None:
    with suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in values.items():
            mallopt(parameter, value)


def give_back() -> None:
    """Release free memory to the operating system.

    Allocations block for up to some tens of milliseconds, so call it when idle, or rarely.
    """
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


class Freed:
    """Schedules the release of freed memory: after a second without requests, and once a minute under load.

    Times are seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        self._used = self._given_back = 0.0

    def used(self, now: float) -> None:
        """Record that the server is busy."""
        self._used = now

    def give_back(self, now: float) -> None:
        """Release free memory if it is due."""
        idle = now - self._used > IDLE_SECONDS
        if self._used > self._given_back and (idle or now - self._given_back > BUSY_SECONDS):
            self._given_back = now
            give_back()


def obtainable(size: int) -> bool:
    """Return True if `size` more bytes can be allocated now; they are mapped and not touched, so it is cheap."""
    try:
        mmap.mmap(-1, size).close()
    except OSError:
        return False
    return True


def available(cgroup: Path = Path("/sys/fs/cgroup"), meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return the bytes available to this process, by the machine's memory and the limit of its control group."""
    free = [_table(meminfo)["MemAvailable:"] * 1024]
    for limit, held, reclaimable in _GROUPS:
        with suppress(OSError, ValueError, KeyError):  # no such group, or no limit: "max"
            reclaim = _table((cgroup / limit).with_name("memory.stat"))[reclaimable]
            free.append(int((cgroup / limit).read_text()) - int((cgroup / held).read_text()) + reclaim)
    return min(free)


def _table(path: Path) -> dict[str, int]:
    """Parse lines of a name, a number and an optional unit."""
    return {name: int(number) for name, number, *_ in map(str.split, path.read_text().splitlines())}
