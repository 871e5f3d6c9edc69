"""The check says yes to servers that keep the contract, ours and a plain one, and to a broken one what is broken."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from container.check import (
    attributes,
    batch,
    bodies,
    health,
    load,
    negotiation,
    refusals,
    runtime,
    starting,
    stopping,
)
from container.check.client import Client
from container.check.command import contract
from container.check.findings import Outcome
from container.check.processes import free_port
from container.check.subject import Subject
from container.cli import main
from tests.check.plain import LOADING, Plain, plain
from tests.conftest import ROOT, StartServer

pytestmark = pytest.mark.alone

EMBEDDED = ROOT / "container" / "models" / "embedded"
ERRORS = {f"error: {name}" for name in refusals.REQUESTS}
BAD_PICTURES = {"error: no picture", "error: empty body", "error: picture cut short"}
TOO_LARGE = {"body: too large is 413", "body: 10 GB announced"}
ASKED_FOR_JSON = {"Accept: application/json", "Accept: image/webp, image/png;q=0.9, application/json;q=0.1"}
NO_PICTURES = {f"Accept: {name}" for name in ("image/jpeg", "image/png", "image/*", "text/x-none")}


def subject_of(server: Plain, started: bool = False) -> Subject:
    client = Client(server.url)
    start = starting.watch(client, server, seconds=10) if started else None
    return Subject(client, start, server)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """`python -m container check` starts our own server, with its model at a size that is quick: outcomes by check."""
    model = tmp_path_factory.mktemp("base") / "model"
    shutil.copytree(EMBEDDED, model)
    described = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps({**described, "parameters": {"min_size": 128, "max_size": 128}}))
    environ = {
        "SAGEMAKER_BASE_DIR": str(model.parent),
        "MASKSERVE_DEVICE": "cpu",
        "MASKSERVE_API_KEY": "a-key-for-this",
    }
    done = subprocess.run(
        [sys.executable, "-m", "container", "check", "--json"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["passed"] is True
    return {row["check"]: row["outcome"] for row in report["checks"]}


def test_our_server_offers_everything(ours: dict[str, str]) -> None:
    assert {name: outcome for name, outcome in ours.items() if outcome != "passed"} == {}
    assert len(ours) > 40


@pytest.fixture(scope="module")
def others() -> Iterator[dict[str, Outcome]]:
    with plain() as server:
        yield {finding.check: finding.outcome for finding in contract(subject_of(server, started=True))}


def test_a_plain_server_keeps_the_contract(others: dict[str, Outcome]) -> None:
    assert Outcome.FAILED not in others.values(), others
    assert {name for name, outcome in others.items() if outcome is Outcome.NOT_OFFERED} == {
        "HEAD /ping", "body: in chunks", "Accept: image/jpeg", "Accept: image/png", "Accept: image/*",
        "attribute response_type", "attributes: answer fits", "attributes: opaque ones come back",
        "/execution-parameters", "runtime route", "runtime route: ModelError",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "group", "failing"),
    [
        ("/ping fails", health, {"/ping"}),
        ("/ping waits for the model", load, {"/ping under load"}),
        ("loses connections under load", load, {"invocations under load"}),
        ("resets what is too large", bodies, TOO_LARGE),
        ("reads whatever is announced", bodies, TOO_LARGE),
        ("HTML errors", refusals, ERRORS),
        ("500 for what the caller did", refusals, BAD_PICTURES),
        ("calls JSON HTML", negotiation, {"Content-Type names the answer", *ASKED_FOR_JSON}),
        ("ignores Accept", negotiation, NO_PICTURES),
        ("wants attributes that are JSON", attributes, {"attributes: any form is taken"}),
        ("attributes of 2,000 characters", attributes, {"attributes: answer fits"}),
        ("promises 8 × 25 MB", batch, {"/execution-parameters"}),
        ("names the strategy as the API does", batch, {"/execution-parameters"}),
        ("bare errors on the runtime's route", runtime, {"runtime route: ModelError"}),
        ("200 after SIGTERM", stopping, {"SIGTERM: /ping says no"}),
        ("drops what is in flight", stopping, {"SIGTERM: requests in flight"}),
        ("ends with an error", stopping, {"SIGTERM: exit code 0"}),
    ],
)  # fmt: skip
def test_a_fault_fails_the_check_that_names_it(fault: str, group: ModuleType, failing: set[str]) -> None:
    with plain(fault) as server:
        time.sleep(LOADING)
        found = list(group.checks.find(subject_of(server)))
    wrong = [finding for finding in found if finding.outcome is Outcome.FAILED]
    assert {finding.check for finding in wrong} == failing, found
    assert all(finding.problem and finding.advice for finding in wrong)


def test_unknown_attributes_may_be_refused() -> None:
    with plain("refuses unknown attributes") as server:
        time.sleep(LOADING)
        found = {finding.check: finding for finding in attributes.checks.find(subject_of(server))}
    taken = found["attributes: any form is taken"]
    assert (taken.outcome, taken.problem) == (Outcome.NOT_OFFERED, "60 unknown keys: 400; UTF-8: 400")
    assert Outcome.FAILED not in {finding.outcome for finding in found.values()}


@pytest.mark.parametrize(
    ("fault", "failing"),
    [
        ("200 while loading", {"start: ready means ready"}),
        ("/ping fails", {"start: /ping becomes 200", "start: 503 until ready"}),
    ],
)
def test_a_fault_of_the_start(fault: str, failing: set[str]) -> None:
    with plain(fault) as server:
        start = starting.watch(Client(server.url), server, seconds=1)
        found = starting.checks.find(Subject(Client(server.url), start))
        assert {finding.check for finding in found if finding.outcome is Outcome.FAILED} == failing


NAIVE = {
    "body: too large is 413", "body: 10 GB announced", *ERRORS, "Accept: image/jpeg", "Accept: image/*",
    "Accept: image/webp, image/png;q=0.9, application/json;q=0.1", "Accept: text/x-none",
}  # fmt: skip


def test_the_table_of_a_naive_server(start_server: StartServer) -> None:
    naive = start_server(sys.executable, "-m", "tests.hostile.naive")
    naive.wait()
    done = CliRunner().invoke(main, ["check", naive.url, "--pid", str(naive.process.pid)])
    rows = done.stdout.splitlines()
    assert {row[:60].strip() for row in rows if " FAILED " in row} == NAIVE
    assert done.exit_code == 1 and f"{len(NAIVE)} failed" in rows[-1]
    assert "error: no picture" in done.stdout and "500 text/html shows a page of HTML or a traceback" in done.stdout
    assert naive.process.wait(5) == 0  # stopped by the check


def test_nobody_is_asked_once(unused: str) -> None:
    done = CliRunner().invoke(main, ["check", unused, "--json"])
    rows = [row for row in json.loads(done.stdout)["checks"] if row["outcome"] != "skipped"]
    assert done.exit_code == 1
    assert [(row["check"], row["problem"]) for row in rows] == [
        ("connect within 250 ms", "the connection broke: ConnectionRefusedError")
    ]


@pytest.fixture
def unused() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("http://127.0.0.1:1", "--image", "x"), "give URL or --image"),
        (("--pid", "77"), "--pid and --multi-model only with URL"),
        (("http://127.0.0.1:1", "--pid", "4194400"), "there is no process 4194400"),
        (("ftp://somewhere",), "is no address of a server"),
        (("http://127.0.0.1:1", "--header", "key"), "--header takes"),
    ],
)
def test_what_cannot_be_checked_is_said(arguments: tuple[str, ...], reason: str) -> None:
    done = CliRunner().invoke(main, ["check", *arguments])
    assert done.exit_code and reason in done.stderr and "Traceback" not in done.output


def test_a_server_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKSERVE_MODEL", str(tmp_path / "nowhere"))
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 1 and "never ready" in done.stdout and "no such file or folder" in done.stdout
