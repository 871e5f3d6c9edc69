"""The check of multi-model endpoints says yes to ours and to another, and to a broken one what is broken."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from container.check import multi_model
from container.check.client import Client
from container.check.findings import Outcome
from container.check.subject import Subject
from container.cli import main
from tests.check.several import several
from tests.conftest import Server, StartServer

GOOD = "/opt/ml/models/good/model"
ALL = {
    "models: load", "models: load again is 409", "models: load nothing is 4xx", "models: list", "models: get",
    "models: invoke", "models: an unknown one is 404", "models: unload",
}  # fmt: skip


def outcomes(url: str, model: str = GOOD) -> dict[str, Outcome]:
    return {one.check: one.outcome for one in multi_model.checks.find(Subject(Client(url), model_url=model))}


@pytest.mark.parametrize(
    ("fault", "failing"),
    [
        pytest.param("", set(), id="none"),
        pytest.param("loads twice", {"models: load again is 409"}, id="loads-twice"),
        pytest.param("500 for no model", {"models: load nothing is 4xx"}, id="500-for-no-model"),
        pytest.param("lists names alone", {"models: list"}, id="lists-names-alone"),
        pytest.param("pages without end", {"models: list"}, id="pages-without-end"),
        pytest.param("gets another", {"models: get"}, id="gets-another"),
        pytest.param("cannot be asked", {"models: invoke"}, id="cannot-be-asked"),
        pytest.param("500 for an unknown one", {"models: an unknown one is 404"}, id="500-for-an-unknown-one"),
        pytest.param("keeps what is unloaded", {"models: unload"}, id="keeps-what-is-unloaded"),
    ],
)
def test_a_fault_fails_the_check_that_names_it(fault: str, failing: set[str]) -> None:
    with several(fault) as url:
        found = outcomes(url)
    assert set(found) == ALL
    assert {check for check, outcome in found.items() if outcome is not Outcome.PASSED} == failing


def test_what_cannot_be_loaded_skips_the_rest() -> None:
    with several("has no memory") as url:
        found = outcomes(url)
    assert found["models: load"] is Outcome.FAILED
    assert set(found.values()) == {Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED}


def test_our_server_keeps_the_contract_twice(start_server: StartServer, tmp_path: Path) -> None:
    model = tmp_path / "models" / "a"
    model.mkdir(parents=True)
    environ = {"SAGEMAKER_MULTI_MODEL": "true", "SAGEMAKER_BASE_DIR": str(tmp_path)}
    server = start_server(sys.executable, "-m", "tests.slow_server", **environ)
    server.wait()
    for _ in range(2):  # nothing is left behind
        done = CliRunner().invoke(main, ["check", server.url, "--multi-model", str(model)])
        assert done.exit_code == 0, done.stdout
        assert {row.split("  ")[0] for row in done.stdout.splitlines() if row.startswith("models")} == ALL
    assert server.stop() == 0


def test_a_server_of_one_model_is_none_of_several(server: Server) -> None:
    done = CliRunner().invoke(main, ["check", server.url, "--multi-model", GOOD])
    assert done.exit_code == 1
    assert [row[:60].strip() for row in done.stdout.splitlines() if " FAILED " in row] == ["models: load"]
