"""The command line against moto: in this process, or as a server for a process of its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from deploy.aws import Aws
from deploy.cli import main
from tests.deploy import moto_gaps

REGION = "eu-central-1"

moto_gaps.fill()


@pytest.fixture(autouse=True)
def _no_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's AWS settings, and no maskserve.toml but one that the test writes."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def mocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account in this process."""
    with mock_aws():
        yield


def run(*args: str, aws: Aws | None = None, code: int | None = 0) -> Result:
    """`python -m deploy ARGS`, without waiting between two looks at a status; `aws` brings stubbed clients."""
    result = CliRunner().invoke(main, ["--poll", "0", *args], obj=aws)
    assert code is None or result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


def calls(*args: str) -> list[dict[str, Any]]:
    """What `--dry-run` prints: one call a line."""
    return [json.loads(line) for line in run("--dry-run", *args).stdout.splitlines()]
