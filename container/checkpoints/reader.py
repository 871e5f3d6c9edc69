"""Runs `convert` on one file, and returns what it wrote."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from container.checkpoints.convert import MAX_SECONDS, SECOND_BYTES
from container.checkpoints.values import Unreadable

# Isolated from the environment and from the working folder.
_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from container.checkpoints.convert import main; main(int(sys.argv[2]))"
)
_ROOT = Path(__file__).parent.parent.parent
_BUSY = 8  # times the computing time that reading may take, on a machine that has other things to do


def as_safetensors(path: Path) -> tuple[bytes, tuple[str, ...], str]:
    """Return the state dict in a file as safetensors, the keys that led to it, and which library wrote the checkpoint.

    Unreadable with the reason. On idle cores 170 MB take 0.6 s.
    """
    limit = MAX_SECONDS + path.stat().st_size // SECOND_BYTES
    with path.open("rb") as file, tempfile.TemporaryFile() as out:
        command = [sys.executable, "-I", "-c", _CODE, str(_ROOT), str(out.fileno())]
        try:
            done = subprocess.run(
                command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=[out.fileno()],
                timeout=_BUSY * limit, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unreadable(f"reading it takes more than {_BUSY * limit} s") from None
        if done.returncode == -signal.SIGXCPU:
            raise Unreadable(f"reading it takes more than {limit} s of computing")
        if done.returncode or not done.stdout:
            raise Unreadable(f"its reader ended with {done.returncode}")
        said = json.loads(done.stdout)
        if "refused" in said:
            raise Unreadable(said["refused"])
        out.seek(0)
        return out.read(os.fstat(out.fileno()).st_size), tuple(said["taken"]), said["maker"]
