"""Temporary folders, and what is left of them when a process is killed."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from container.models.archive import scratch_folder

HOLD = """
from container.models.archive import scratch_folder
with scratch_folder() as folder:
    (folder / "weights").write_bytes(b"weights")
    print(folder, flush=True)
    input()
"""


def holder(folder: Path) -> tuple["subprocess.Popen[str]", Path]:
    """A process that has a folder and does not give it up."""
    environ = {"TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_a_folder_is_gone_after_the_block(error: type[Exception] | None) -> None:
    with pytest.raises(ZeroDivisionError) if error else scratch_folder(), scratch_folder() as folder:
        (folder / "weights").write_bytes(b"weights")
        if error:
            raise error
    assert not folder.exists()


def test_what_a_killed_process_has_left_is_removed_and_what_a_live_one_has_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (killed, left), (live, held) = holder(tmp_path), holder(tmp_path)
    try:
        killed.kill()
        killed.communicate()
        assert (left / "weights").exists()
        with scratch_folder():
            assert not left.exists() and (held / "weights").exists()
    finally:
        live.communicate("\n")
    assert list(tmp_path.iterdir()) == []
