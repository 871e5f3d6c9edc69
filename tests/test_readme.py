"""Every command and snippet of the README and of docs/ runs, and its tables are those of the code."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torchvision

from container.models import artifact
from tests import tables
from tests.conftest import ROOT, Server, pixels_of

README = (ROOT / "README.md").read_text(encoding="utf-8")
CHAPTERS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"(<!-- not run by the tests: [^>]+ -->\n)?```(bash|python)\n(.*?)```", re.DOTALL)
BLOCKS = BLOCK.findall(README) + BLOCK.findall(CHAPTERS)
RUN = [(language, code) for reason, language, code in BLOCKS if not reason]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, astronaut: bytes) -> Path:
    """What the README supposes to lie in the current folder: a photo, and a checkpoint."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "photo.jpg").write_bytes(astronaut)
    module = torchvision.models.get_model("maskrcnn_resnet50_fpn", weights=None, weights_backbone=None, num_classes=3)
    torch.save(module.state_dict(), folder / "checkpoint.pth")
    return folder


@pytest.mark.parametrize(("language", "code"), RUN, ids=[code.split("\n")[0][:60] for _, code in RUN])
def test_block_runs(language: str, code: str, folder: Path, server: Server) -> None:
    code = code.replace("http://127.0.0.1:8080", server.url)
    command = [sys.executable, "-c", code] if language == "python" else [shutil.which("bash") or "bash", "-euc", code]
    environ = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": server.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
    }
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr + done.stdout
    if "print(" in code or code.startswith("curl --data-binary @photo.jpg http"):
        assert "person" in done.stdout
    for name in re.findall(r"masks\.(?:png|jpg)", code):
        written = folder / name
        assert pixels_of(written.read_bytes()).shape == (512, 512, 3)
        written.unlink()


def test_the_predicted_picture_is_there(folder: Path) -> None:
    assert pixels_of((folder / "masks" / "photo.png").read_bytes()).shape == (512, 512, 3)


def test_enough_is_run() -> None:
    assert len(RUN) >= 7
    assert all(reason or language in ("bash", "python") for reason, language, _ in BLOCKS)


def table(heading: str) -> list[str]:
    """The first cells of the rows of the table whose first column is called `heading`."""
    body = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert body
    return re.findall(r"`([a-z0-9_]+)`", " ".join(line.split("|")[1] for line in body[1].splitlines()))


@pytest.mark.parametrize("path", tables.TABLES, ids=lambda path: path.name)
def test_tables_are_those_of_the_code(path: Path) -> None:
    assert tables.written(path) == path.read_text(encoding="utf-8"), "make tables writes them"


def test_the_keys_of_model_json_are_those_of_the_code() -> None:
    assert sorted(table("Key")) == sorted(artifact._KEYS)


def test_every_file_that_is_linked_exists() -> None:
    assert all(f"](docs/{path.name})" in README for path in (ROOT / "docs").glob("*.md"))
    for target in re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r"`(postman/[\w.]+)`", README):
        assert (ROOT / target).is_file(), target


def test_the_way_of_a_request_names_files_that_there_are() -> None:
    steps = re.findall(r"^\d+\. (.*)$", README.split("## How a request flows")[1].split("##")[0], re.MULTILINE)
    assert 5 <= len(steps) <= 10
    for step in steps:
        files = re.findall(r"`([a-z_0-9/]+\.py)`", step)
        assert files and all((ROOT / "container" / file).is_file() for file in files), step
