"""How the engine is called. It is a script that writes down its arguments and its standard input."""

import base64
import json
import os
from pathlib import Path

import boto3
import pytest

from tests.deploy.conftest import ACCOUNT, REGION, Changes, calls, furnish, run

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the engines, first on the PATH, write what they are told."""
    told = tmp_path / "told"
    for name in ("docker", "podman"):
        engine = tmp_path / "bin" / name
        engine.parent.mkdir(exist_ok=True)
        engine.write_text(f'#!/bin/sh\necho {name} "$@" >> {told}\n[ "$1" = login ] && cat > {told}.stdin\nexit 0\n')
        engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return told


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("docker", "docker buildx build --provenance=false --sbom=false --output type=docker --platform linux/amd64"),
        ("podman", "podman build --format docker --platform linux/amd64"),
    ],
)
def test_build(engine: str, words: str, heard: Path) -> None:
    run("image", "build", "--engine", engine, "--cpu", "--build-arg", "MODEL=default", "--image", "horses:1")
    line = heard.read_text()
    assert line.startswith(f"{words} -t horses:1 --build-arg=VERSION=")
    assert "--build-arg=MODEL=default" in line
    assert "--build-arg=TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu" in line


@pytest.mark.parametrize(("engine", "push"), [("docker", "push"), ("podman", "push --format v2s2")])
def test_push(engine: str, push: str, heard: Path, mocked: None, changes: Changes) -> None:
    furnish()
    changes.made = []
    done = run("image", "push", "--engine", engine)
    target = f"{REGISTRY}/maskserve:latest"
    assert heard.read_text().splitlines() == [
        f"{engine} login --username AWS --password-stdin {REGISTRY}",
        f"{engine} tag maskserve:latest {target}",
        f"{engine} {push} {target}",
    ]
    assert changes.made == [] and "unchanged: image repository maskserve" in done.stderr
    assert done.stdout.startswith(f"{REGISTRY}/maskserve@sha256:")
    token = boto3.client("ecr", REGION).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    password = base64.b64decode(token).decode().removeprefix("AWS:")
    assert Path(f"{heard}.stdin").read_text() == password and password not in done.output


def test_push_checks_what_arrived(heard: Path, mocked: None) -> None:
    furnish(mediaType="application/vnd.oci.image.index.v1+json")
    assert "which SageMaker refuses" in run("image", "push", "--engine", "docker", code=1).stderr


def test_push_makes_the_repository(heard: Path, mocked: None) -> None:
    run("image", "push", "--engine", "docker", "--repository", "horses", code=1)  # nothing arrives in it
    (made,) = boto3.client("ecr", REGION).describe_repositories()["repositories"]
    assert made["repositoryName"] == "horses"


def test_dry_run_asks_for_nothing(heard: Path) -> None:
    made = calls("image", "push", "--engine", "docker")
    assert [call.get("operation") or call["command"][1] for call in made] == [
        "CreateRepository",
        "login",
        "tag",
        "push",
    ]
    assert not heard.exists()


def test_an_engine_that_fails(heard: Path, tmp_path: Path) -> None:
    (tmp_path / "bin" / "docker").write_text("#!/bin/sh\nexit 3\n")
    assert "failed with exit code 3" in run("image", "build", "--engine", "docker", code=1).stderr
    assert json.loads(run("--dry-run", "image", "build").stdout)["command"][0] == "docker"
