"""Memory: glibc's allocator told to give it back, and errors that tell of its want.

The allocator's defaults keep what a burst of large pictures took.
"""

import ctypes
from contextlib import suppress

# What CUDA, torch, OpenVINO and OpenCV say, in lower case; their errors are of no class of their own.
_LACKING = ("out of memory", "not enough memory", "can't allocate memory", "failed to allocate", "insufficient memory")


def lacking(error: Exception) -> bool:
    """Whether an error tells that there was no memory to be had."""
    return isinstance(error, MemoryError) or any(text in str(error).lower() for text in _LACKING)


def keep_low() -> None:
    """Two arenas instead of one a thread, and large blocks returned when freed; processes forked later inherit it.

    742 pictures up to 49 megapixels, 8 at a time, left 1.1 GB behind with the defaults, 0.5 GB so.
    """
    with suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in ((-8, 2), (-1, 128 << 20), (-3, 16 << 20)):  # M_ARENA_MAX, M_TRIM_…, M_MMAP_THRESHOLD
            mallopt(parameter, value)


def give_back() -> None:
    """Return what is free; up to some tens of milliseconds in which allocations wait, so for idle moments.

    After the pictures above that is 230 MB.
    """
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
