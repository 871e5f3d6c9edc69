"""How many cores there are, and that libraries are told."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from container import cores

HERE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "max 100000"}, HERE),
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "99900000 100000"}, HERE),
        ({"cpu.max": "nonsense"}, HERE),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, HERE),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "100000"}, HERE),
        ({}, HERE),
    ],
)
def test_the_control_group_limits_the_cores(
    files: dict[str, str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(cores, "_CONTROL_GROUP", tmp_path)
    assert cores.count() == expected


SHARE = "from container import cores; cores.share(); import cv2; print(cv2.getNumThreads())"


@pytest.mark.parametrize(("environ", "threads"), [({}, "1"), ({"OPENCV_FOR_THREADS_NUM": "3"}, "3")])
def test_opencv_is_told(environ: dict[str, str], threads: str) -> None:
    done = subprocess.run([sys.executable, "-c", SHARE], env={**os.environ, **environ}, capture_output=True, check=True)
    assert done.stdout.decode().strip() == threads


def test_a_thread_that_stands_back_and_those_it_starts() -> None:
    policies: dict[str, int] = {}

    def note(name: str) -> None:
        policies[name] = os.sched_getscheduler(threading.get_native_id())

    def begin() -> None:
        cores.stand_back()
        note("own")
        (started := threading.Thread(target=note, args=["started"])).start()
        started.join()

    (thread := threading.Thread(target=begin)).start()
    thread.join()
    note("others")
    assert policies == {"own": os.SCHED_IDLE, "started": os.SCHED_IDLE, "others": os.SCHED_OTHER}
