"""docs/evaluation.md runs as it is printed: Scale's client against a server, and evaluate on its store."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.nucleus_clients import SECONDS, VERSIONS, run
from tests.conftest import ROOT, StartServer, pixels_of

BLOCK = re.compile(r"test_evaluation_chapter\.py runs it -->\n```(python|bash)\n(.*?)```", re.DOTALL)
QUICK = "import nucleus.async_job\nnucleus.async_job.JOB_POLLING_INTERVAL = 0.05"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(SECONDS + 60)]


def test_the_chapter_runs_as_it_is_printed(start_server: StartServer, tmp_path: Path) -> None:
    store = tmp_path / "store"
    served = start_server(MASKSERVE_STORE=str(store))
    served.wait()
    blocks = BLOCK.findall((ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8"))
    code = "\n".join([QUICK, *(text for language, text in blocks if language == "python")])
    printed = run(VERSIONS[-1], served.url, tmp_path, ["-c", code.replace("http://127.0.0.1:8080", served.url)])
    assert "Completed\nleft car 1.0 ConfusionCategory.TRUE_POSITIVE\n" in printed
    assert "25 wrong, 0 missed" in printed
    assert re.search(r"^AP 0\.\d+ AP50 0\.\d+ \{'tp': 3\d, 'fp': \d+, 'fn': \d+\}$", printed, re.MULTILINE)
    assert "bus taken for car 5" in printed and "mAP 0." in printed
    reported, compared = (text for language, text in blocks if language == "bash")
    first, second = (evaluated(text, store, tmp_path) for text in (reported, compared))
    shown, ap = (
        re.search(rf"^{name} +([0-9.]+)", text, re.MULTILINE) for name, text in (("AP", printed), ("box_ap", first))
    )
    assert shown and ap and shown[1] == ap[1]
    assert re.search(r"^difference \+0\.\d+, 95 % interval \+0\.\d+ to \+0\.\d+, p 0\.001$", second, re.MULTILINE)
    assert pixels_of((tmp_path / "report" / "precision-recall.png").read_bytes()).shape[1] > 1000


def evaluated(command: str, store: Path, folder: Path) -> str:
    """What a command of the chapter prints."""
    words = command.replace("/data/store", str(store)).split()
    assert words[:3] == ["python", "-m", "container"]
    environ = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, *words[1:]], cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
