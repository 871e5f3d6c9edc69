"""The cores that this process may use, and the one place where libraries are told how to use them."""

import os
from pathlib import Path

_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def count() -> int:
    """The cores that this process may use: its affinity, and the limit of its control group where there is one."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = _LIMIT.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, round(int(quota) / int(period))))


def share() -> None:
    """Have libraries leave cores to others, before they start their threads; what the environment says already stays.

    OpenMP's threads spin while they wait: two servers on two cores answered 0.3 requests a second each with spinning,
    and 16 without; one alone on quiet cores 23, and 21 to 23. OpenCV's threads gain a request nothing (an overlay of
    100 masks at 1080p 135 ms on one, 144 on two), and there would be as many a request as the machine has cores,
    whatever the control group's limit.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OPENCV_FOR_THREADS_NUM", "1")
