"""How many cores there are, and that libraries are told."""

import os
import subprocess
import sys
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
