"""How a command ends when something is wrong, and maskserve.toml on the command line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from deploy import waits
from deploy.aws import Aws
from deploy.cli import main
from tests.conftest import ROOT
from tests.deploy.conftest import CPU, REGION, calls, run

STATUS = ("endpoint", "status", "--name", "horses")


def test_without_credentials() -> None:
    failed = run(*STATUS, code=1)
    assert "no AWS credentials: run `aws configure`" in failed.stderr


def test_without_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    assert "no region: give --region" in run(*STATUS, code=1).stderr


def test_an_unknown_profile() -> None:
    assert "(nobody) could not be found" in run("--profile", "nobody", *STATUS, code=1).stderr


@pytest.mark.parametrize(
    ("words", "group"),
    [
        (("--nope",), ""),
        (("nonsense",), ""),
        (("endpoint", "nonsense"), " endpoint"),
        (("endpoint", "create", "--nope"), " endpoint create"),
        (("--poll", "soon"), ""),
    ],
)
def test_a_command_line_that_cannot_be_run_is_refused_in_one_line(words: tuple[str, ...], group: str) -> None:
    said = run(*words, code=2).stderr
    assert said.count("\n") == 1 and words[-1] in said and f"see `python -m deploy{group} --help`" in said


def test_ctrl_c_is_130_and_running_again_goes_on(account: None, monkeypatch: pytest.MonkeyPatch) -> None:
    create = ("endpoint", "create", "--name", "horses", "--instance-type", CPU)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(waits, "wait", interrupt)
        stopped = run(*create, code=130)
    assert "the same command again goes on from here" in stopped.stderr
    assert "endpoint horses; the same command again goes on, `destroy` removes it" in stopped.stderr
    assert "unchanged: endpoint horses" in run(*create).stderr


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    for name, sub in command.commands.items():
        yield from leaves(sub, (*path, name))


READING = {
    "async fetch", "autoscaling status", "batch fetch", "batch status", "cost", "endpoint status", "logs",
    "multi-model list",
}  # fmt: skip


def test_every_command_that_changes_something_takes_dry_run() -> None:
    takes = {path: any(one.name == "dry_run" for one in command.params) for path, command in leaves(main)}
    assert {path for path, does in takes.items() if not does} == READING and len(takes) > 20


@pytest.mark.parametrize(
    "command",
    [
        ("endpoint", "create", "--name", "horses", "--instance-type", CPU),
        ("role", "create", "--name", "zebras", "--bucket", "pictures"),
        ("autoscaling", "set", "--name", "horses", "--min-capacity", "1", "--max-capacity", "2", "--target", "2"),
        ("destroy", "--name", "horses"),
    ],
)
def test_dry_run_stands_before_or_behind_the_command(command: tuple[str, ...], account: None) -> None:
    group, rest = (command[:1], command[1:]) if command[0] == "destroy" else (command[:2], command[2:])
    before = run("--dry-run", *command).stdout
    assert before and run(*command, "--dry-run").stdout == before == run(*group, "--dry-run", *rest).stdout


def test_status(account: None) -> None:
    assert json.loads(run(*STATUS, code=1).stdout)["EndpointStatus"] is None
    run("endpoint", "create", "--name", "horses", "--instance-type", CPU)
    assert json.loads(run(*STATUS).stdout)["EndpointStatus"] == "InService"


def test_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    (tmp_path / "maskserve.toml").write_text(
        'region = "eu-west-1"\nname = "horses"\n'
        '[endpoint]\ninstance-type = "ml.m5.large"\nvariant = ["name=b,weight=0.5"]\n[endpoint.create]\ninstances = 2\n'
    )
    (config,) = (c["parameters"] for c in calls("endpoint", "create") if c["operation"] == "CreateEndpointConfig")
    chosen = [(v["VariantName"], v["InstanceType"], v["InitialInstanceCount"]) for v in config["ProductionVariants"]]
    assert chosen == [("AllTraffic", "ml.m5.large", 2), ("b", "ml.m5.large", 2)]
    made = calls("endpoint", "create", "--instances", "3", "--name", "zebras")
    assert "eu-west-1" in made[0]["parameters"]["PrimaryContainer"]["Image"]
    assert made[1]["parameters"]["ProductionVariants"][0]["InitialInstanceCount"] == 3
    assert made[2]["parameters"]["EndpointName"] == "zebras"


def test_clients_say_who_they_are(mocked: None) -> None:
    assert "maskserve-deploy/" in Aws(region=REGION).client("sagemaker").meta.config.user_agent_extra


def test_neither_torch_nor_flask_is_needed() -> None:
    """It installs from deploy/requirements.txt alone; only packing a folder needs more."""
    code = (
        "import sys; from deploy import cli;"
        "print(*sorted({'torch', 'flask', 'numpy', 'cv2', 'openvino'} & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_pins_are_those_of_the_other_files() -> None:
    pinned = {
        line for file in ("requirements.txt", "requirements-dev.txt") for line in (ROOT / file).read_text().splitlines()
    }
    own = [line for line in (ROOT / "deploy" / "requirements.txt").read_text().splitlines() if "==" in line]
    assert len(own) >= 8 and set(own) <= pinned
