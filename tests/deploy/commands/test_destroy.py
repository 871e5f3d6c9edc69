"""Back to nothing, but for what was not asked for."""

import boto3
import pytest
from click.testing import CliRunner

from deploy.cli import main
from tests.deploy.conftest import CPU, GPU, REGION, Changes, left, run

NAME = ("--name", "horses")


@pytest.fixture
def deployed(account: None) -> None:
    """An endpoint with autoscaling, an alarm, a log, a file, and another deployment beside it."""
    run("endpoint", "create", *NAME, "--instance-type", CPU)
    run("endpoint", "update", *NAME, "--instance-type", GPU, "--rollback-on-errors")
    run("endpoint", "create", "--name", "horses2", "--role", "maskserve-horses", "--instance-type", CPU)
    boto3.client("application-autoscaling", REGION).register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId="endpoint/horses/variant/AllTraffic",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=1,
        MaxCapacity=2,
    )
    boto3.client("logs", REGION).create_log_group(logGroupName="/aws/sagemaker/Endpoints/horses")
    boto3.client("s3", REGION).put_object(Bucket="pictures", Key="maskserve/horses/output/1.out", Body=b"any")
    boto3.client("s3", REGION).put_object(Bucket="pictures", Key="maskserve/horses2/output/1.out", Body=b"any")


ALWAYS = [
    "DeregisterScalableTarget",
    "DeleteAlarms",
    "DeleteEndpoint",
    "DeleteEndpointConfig",
    "DeleteModel",
    "DeleteRolePolicy",
    "DeleteRole",
]


@pytest.mark.parametrize(
    ("options", "more"),
    [
        ([], []),
        (
            ["--logs", "--files", "pictures", "--images", "maskserve"],
            ["DeleteLogGroup", "DeleteObjects", "DeleteRepository"],
        ),
    ],
    ids=["what is free", "all"],
)
def test_order(deployed: None, changes: Changes, options: list[str], more: list[str]) -> None:
    changes.made = []
    run("destroy", *NAME, "--yes", *options)
    assert changes.made == ALWAYS + more
    names = left()
    assert names["endpoints"] == ["horses2"] and len(names["models"]) == len(names["configs"]) == 1
    objects = boto3.client("s3", REGION).list_objects_v2(Bucket="pictures")
    kept = [found["Key"] for found in objects["Contents"]]
    assert kept == ([] if more else ["maskserve/horses/output/1.out"]) + ["maskserve/horses2/output/1.out"]
    assert "nothing is left of horses" in run("destroy", *NAME, *options).stderr


def test_it_asks_first(deployed: None, changes: Changes) -> None:
    changes.made = []
    asked = CliRunner().invoke(main, ["destroy", *NAME], input="n\n")
    assert asked.exit_code == 1 and "  endpoint horses\n" in asked.stderr
    assert changes.made == []


def test_dry_run(deployed: None, changes: Changes) -> None:
    there = left()
    done = run("--dry-run", "destroy", *NAME)
    assert left() == there and "would delete endpoint horses" in done.stderr
    assert len(done.stdout.splitlines()) == len(ALWAYS)


def test_an_endpoint_without_our_tag_stays(mocked: None) -> None:
    sagemaker = boto3.client("sagemaker", REGION)
    sagemaker.create_model(ModelName="m", ExecutionRoleArn="arn:aws:iam::123456789012:role/r")
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": CPU, "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="horses", EndpointConfigName="c")
    assert "it was not made by this tool" in run("destroy", *NAME, "--yes", code=1).stderr
    assert left()["endpoints"] == ["horses"]


def test_nothing_anywhere(mocked: None) -> None:
    done = run("destroy", *NAME, "--logs", "--files", "nowhere", "--images", "nothing")
    assert "nothing is left of horses" in done.stderr
