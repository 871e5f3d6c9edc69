"""Every `python -m deploy` line of deploy/README.md runs, as a dry run, with the settings file that it shows."""

import re
import shlex
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.deploy.conftest import run

README = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(<!-- not run by the tests: [^>]+ -->\n)?```bash\n(.*?)```", README, re.DOTALL)
LINES = [line for skipped, block in BLOCKS if not skipped for line in block.replace("\\\n", "").splitlines()]
COMMANDS = [line for line in LINES if line.startswith("python -m deploy ")]


@pytest.mark.parametrize("line", COMMANDS)
def test_command_runs(line: str, tmp_path: Path) -> None:
    (settings,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "maskserve.toml").write_text(settings)
    words = [word for word in shlex.split(line)[3:] if word != "--dry-run"]
    status = words[:2] == ["endpoint", "status"]  # there is none: exit code 1
    done = run("--dry-run", *words, code=1 if status else 0)
    assert done.stdout or "destroy" in words  # there is nothing to destroy


def test_enough_is_run() -> None:
    assert len(COMMANDS) >= 12
