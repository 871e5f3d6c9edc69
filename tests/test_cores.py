"""How many cores there are, and that libraries are told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from container import cores

HERE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000", HERE),
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("99900000 100000", HERE),
        ("nonsense", HERE),
        (None, HERE),
    ],
)
def test_the_control_group_limits_the_cores(
    limit: str | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if limit is not None:
        (tmp_path / "cpu.max").write_text(limit)
    monkeypatch.setattr(cores, "_LIMIT", tmp_path / "cpu.max")
    assert cores.count() == expected


SHARE = "from container import cores; cores.share(); import cv2; print(cv2.getNumThreads())"


@pytest.mark.parametrize(("environ", "threads"), [({}, "1"), ({"OPENCV_FOR_THREADS_NUM": "3"}, "3")])
def test_opencv_is_told(environ: dict[str, str], threads: str) -> None:
    done = subprocess.run([sys.executable, "-c", SHARE], env={**os.environ, **environ}, capture_output=True, check=True)
    assert done.stdout.decode().strip() == threads
