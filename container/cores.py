"""The cores that this process may use, and the one place where libraries are told how to use them."""

import os
import threading
from contextlib import suppress
from pathlib import Path

_CONTROL_GROUP = Path("/sys/fs/cgroup")


def count() -> int:
    """The cores that this process may use: its affinity, and the limit of its control group where there is one."""
    cores = len(os.sched_getaffinity(0))
    limit = _limit()
    return cores if limit is None else max(1, min(cores, round(limit)))


def _limit() -> float | None:
    """The control group's limit in cores, of version 2 or 1, or None."""
    old = _CONTROL_GROUP / "cpu"
    for files in ([_CONTROL_GROUP / "cpu.max"], [old / "cpu.cfs_quota_us", old / "cpu.cfs_period_us"]):
        try:
            quota, period = " ".join(file.read_text() for file in files).split()
            return int(quota) / int(period) if quota not in ("max", "-1") else None
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return None


def share() -> None:
    """Have libraries leave cores to others, before they start their threads; what the environment says already stays.

    OpenMP's threads spin while they wait: two servers on two cores answered 0.3 requests a second each with spinning,
    and 16 without; one alone on quiet cores 23, and 21 to 23. OpenCV's threads gain a request nothing (an overlay of
    100 masks at 1080p 135 ms on one, 144 on two), and there would be as many a request as the machine has cores,
    whatever the control group's limit.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")


def stand_back() -> None:
    """Give this thread, and those that it starts from now on, cores only while no other thread wants them.

    Not for threads that run Python: one that has to wait for a core while it holds the interpreter keeps all others
    waiting. Where the system has no such priority, or does not allow it, nothing happens.
    """
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))
