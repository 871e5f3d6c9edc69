"""Statuses in a row: what ends the wait, what is said, what Ctrl-C leaves."""

from collections.abc import Mapping
from typing import Any

import pytest

from deploy import waits
from deploy.aws import Aws
from deploy.errors import DeployError
from tests.deploy.conftest import REGION


def watch(*statuses: str | None, good: set[str], dry_run: bool = False) -> Mapping[str, Any] | None:
    answers = iter(s if s is None else {"Status": s, "FailureReason": f"why {s}"} for s in statuses)
    aws = Aws(region=REGION, dry_run=dry_run, poll=0)
    return waits.wait(aws, "thing x", lambda: next(answers), good, {"Failed"}, "Status")


def test_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert watch("Creating", "Creating", "InService", good={"InService"}) is not None
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" after ")[0] for line in lines] == ["thing x: Creating", "thing x: InService"]


def test_bad_says_why() -> None:
    with pytest.raises(DeployError, match="thing x is Failed: why Failed"):
        watch("Creating", "Failed", good={"InService"})


def test_gone() -> None:
    assert watch("Deleting", None, good={""}) is None
    with pytest.raises(DeployError, match="is gone"):
        watch("Creating", None, good={"InService"})


def test_a_dry_run_does_not_wait() -> None:
    assert watch(good={"InService"}, dry_run=True) is None


def test_ctrl_c_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(waits.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        watch("Creating", good={"InService"})
    assert "the same command again waits for it" in capsys.readouterr().err
