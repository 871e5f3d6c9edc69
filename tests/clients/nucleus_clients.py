"""The environments of Scale's client, a version each."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

EVERY = "EVERY" in os.environ
# The oldest and the newest; the others take a minute more each.
VERSIONS = ("0.17.14", "0.18.4", "0.19.0", "0.21.2", "0.22.3") if EVERY else ("0.17.14", "0.22.3")
SECONDS = 300
# The page's snippet is led by this one; a developer's own settings are not tested here.
LED = "NUCLEUS_ENDPOINT"


def run(version: str, url: str, folder: Path, arguments: Sequence[str | Path]) -> str:
    """Run Python with a version of the client in `folder`, led to a server; return what it prints."""
    python = Path(sys.prefix, f"scale-nucleus-{version}", "bin", "python")
    if not python.exists():
        reason = f"scale-nucleus {version} is not installed: make .venv/.scale-nucleus-{version}"
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    kept = {k: v for k, v in os.environ.items() if "PROXY" not in k.upper() and not k.startswith("NUCLEUS_")}
    done = subprocess.run(
        [python, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=kept | {LED: f"{url}/v1/nucleus", "TQDM_DISABLE": "1"},  # without progress bars
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return done.stdout
