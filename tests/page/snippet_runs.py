"""Runs code that was copied from the page, as it stands, in the client that it is for."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.inference_clients import NEW

SDK = "inference_sdk"
_BIN = Path(sys.executable).parent
_SDK_PYTHON = Path(sys.prefix, f"inference-sdk-{NEW}", "bin", "python")
# The tabs of the page, with the file that a user would save the code in and what runs it.
_RUNS = {
    "curl": ("segment.sh", ["bash"]),
    "boto3": ("segment.py", [sys.executable]),
    "AWS CLI": ("segment.sh", ["bash"]),
    "Python": ("segment.py", [sys.executable]),
    "JavaScript": ("segment.mjs", ["node"]),
    SDK: ("segment.py", [str(_SDK_PYTHON)]),
}
CLIENTS = tuple(_RUNS)
_NEEDED = {"curl": "curl", "JavaScript": "node"}


@dataclass(frozen=True)
class Ran:
    """What a run left."""

    client: str
    output: str  # what it printed
    folder: Path

    @property
    def answer(self) -> Any:
        """The JSON that came of it: the AWS CLI writes it into a file, and prints what it says of it."""
        text = (self.folder / "answer.json").read_text() if self.client == "AWS CLI" else self.output
        return json.loads(text)

    @property
    def picture(self) -> bytes:
        """The picture that came of it; Roboflow's are JPEG."""
        return (self.folder / ("masks.jpg" if self.client == SDK else "masks.png")).read_bytes()


def run(client: str, code: str, folder: Path, key: str = "") -> Ran:
    """Run code in a folder that holds the photo, with a key in the environment; skip without the client."""
    if (needed := _NEEDED.get(client)) and shutil.which(needed) is None:
        pytest.skip(f"{needed} is not installed")
    if client == SDK and not _SDK_PYTHON.exists():
        assert not os.environ.get("CI"), "make .venv/.inference-sdk-" + NEW
        pytest.skip(f"inference-sdk {NEW} is not installed")
    name, command = _RUNS[client]
    (folder / name).write_text(code)
    environ = {
        k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MASKSERVE_")) and "PROXY" not in k.upper()
    }
    environ |= {
        "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if key:
        environ["MASKSERVE_API_KEY"] = key
    done = subprocess.run([*command, name], cwd=folder, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{code}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return Ran(client, done.stdout, folder)
