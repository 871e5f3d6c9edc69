"""`cost`: sums, where prices come from, and endpoints as they are."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest

from deploy import costs
from deploy.names import service
from tests.deploy.conftest import REGION, run

ROLE = "arn:aws:iam::123456789012:role/x"


@pytest.mark.parametrize(
    ("cost", "hour", "month"),
    [
        (costs.instances("a", "ml.m5.xlarge", 2, 24), 0.46, 335.8),
        (costs.instances("a", "ml.m5.xlarge", 1, 8), 0.23, 55.97),
        (costs.instances("a", "ml.m5.xlarge", 0, 24), 0, 0),
        (costs.instances("a", "ml.unknown.xlarge", 1, 24, price=1), 1, 730),
        (costs.batch("a", "ml.g4dn.xlarge", 3, 10), 2.208, 22.08),
        (costs.serverless("a", 2048, 10_000_000, 0.1, 0), 0, 40),
        (costs.serverless("a", 2048, 0, 1, 1), 0, 0),
        (costs.serverless("a", 1024, 1024, 0, 10), 0, 0.16),
    ],
)
def test_sums(cost: costs.Cost, hour: float, month: float) -> None:
    assert (cost.hour, cost.month) == pytest.approx((hour, month), abs=0.01)


def test_the_table() -> None:
    known = service("sagemaker").shape_for("ProductionVariantInstanceType").enum
    table = costs.prices()
    assert set(table.instances) <= set(known)
    assert all(0 < price < 50 for price in table.instances.values())
    assert table.date >= date(2026, 1, 1)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--instance-type", "ml.m5.xlarge"], "endpoint: 1 × ml.m5.xlarge 0.2300 USD/hour 167.90 USD/month"),
        (
            ["--instance-type", "ml.g5.xlarge", "--instances", "2", "--hours-per-day", "1"],
            "endpoint: 2 × ml.g5.xlarge 2.8160 USD/hour 85.65 USD/month",
        ),
        (
            ["--instance-type", "ml.m5.xlarge", "--batch-hours", "10"],
            "batch: 1 × ml.m5.xlarge, 10 h 0.2300 USD/hour 2.30 USD/month",
        ),
        (["--memory", "2048", "--requests", "1000"], "serverless: 2048 MB, 1,000 requests 0.06 USD/month"),
        (
            ["--instance-type", "ml.p9.xlarge", "--price", "2"],
            "endpoint: 1 × ml.p9.xlarge 2.0000 USD/hour 1460.00 USD/month",
        ),
    ],
    ids=["real-time", "hours a day", "batch", "serverless", "price"],
)
def test_what_one_would_cost(args: list[str], line: str) -> None:
    """Without an account."""
    first, last = run("cost", *args).stdout.splitlines()
    assert re.sub(" +", " ", first) == line
    assert last.startswith("An estimate: ") and ("--price" in last if "--price" in args else "us-east-1" in last)


@pytest.mark.parametrize(
    ("args", "code", "problem"),
    [
        ([], 2, "what of?"),
        (["--instance-type", "ml.p9.xlarge"], 1, "no price for ml.p9.xlarge: give --price"),
        (["--name", "gone"], 1, "there is no endpoint gone"),
    ],
)
def test_mistakes(mocked: None, args: list[str], code: int, problem: str) -> None:
    assert problem in run("cost", *args, code=code).output


def make(variant: dict[str, Any]) -> None:
    sagemaker = boto3.client("sagemaker", region_name=REGION)
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "x"})
    variant = {"VariantName": "AllTraffic", "ModelName": "m", **variant}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="horses", EndpointConfigName="c")


def test_an_endpoint(mocked: None) -> None:
    make({"InstanceType": "ml.g4dn.xlarge", "InitialInstanceCount": 2})
    result = run("cost", "--name", "horses")
    assert "AllTraffic: 2 × ml.g4dn.xlarge" in result.stdout and "1074.56 USD/month" in result.stdout
    assert f"the endpoint is in {REGION}; the table has the prices of us-east-1" in result.stderr

    run("autoscaling", "set", "--name", "horses", "--min-capacity", "1", "--max-capacity", "4", "--target", "5")
    text = run("cost", "--name", "horses", "--price", "1").stdout
    amounts = re.findall(r"AllTraffic(.*): (\d) × .* (\d+)\.00 USD/month", text)
    assert amounts == [("", "2", "1460"), (", at least", "1", "730"), (", at most", "4", "2920")]


def test_a_serverless_endpoint(mocked: None) -> None:
    make({"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}})
    text = run("cost", "--name", "horses", "--requests", "10000000", "--seconds", "0.1", "--megabytes", "0").stdout
    assert "AllTraffic: 2048 MB, 10,000,000 requests" in text and "40.00 USD/month" in text


def test_the_command_line_counts_more_than_the_settings_file(mocked: None, tmp_path: Path) -> None:
    make({"InstanceType": "ml.g4dn.xlarge", "InitialInstanceCount": 2})
    (tmp_path / "maskserve.toml").write_text('name = "horses"\ninstance-type = "ml.m5.xlarge"\n')
    assert "2 × ml.g4dn.xlarge" in run("cost").stdout
    assert "1 × ml.c5.xlarge" in run("cost", "--instance-type", "ml.c5.xlarge").stdout
