"""`multi-model`: the endpoint, and the files that are its models."""

import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import ROOT
from tests.deploy.conftest import REGION, calls, run

IMAGE = "registry.example.com/maskserve:1"
CREATE = ("multi-model", "create", "--name", "zoo", "--bucket", "models", "--image", IMAGE)
ON = ("--instance-type", "ml.m5.xlarge", "--role", "arn:aws:iam::123456789012:role/x")
OF = ("--name", "zoo", "--bucket", "models")
FOLDER = "maskserve/zoo/multi-model/"


@pytest.fixture
def bucket(mocked: None) -> Any:
    """An empty bucket; the client of S3."""
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": REGION})
    trust = '{"Statement": [{"Principal": {"Service": "sagemaker.amazonaws.com"}}]}'
    boto3.client("iam", region_name=REGION).create_role(RoleName="x", AssumeRolePolicyDocument=trust)
    return s3


@pytest.fixture(scope="session")
def horses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the embedded model."""
    folder = tmp_path_factory.mktemp("models") / "horses"
    shutil.copytree(ROOT / "container/models/embedded", folder)
    return folder


@pytest.mark.parametrize(("args", "cache"), [([], "Enabled"), (["--no-cache"], "Disabled")])
def test_the_calls(args: list[str], cache: str) -> None:
    model, config, endpoint = calls(*CREATE, *ON, *args, "--env", "MASKSERVE_DEVICE=cpu")
    assert model["parameters"]["PrimaryContainer"] == {
        "Image": IMAGE,
        "Mode": "MultiModel",
        "ModelDataUrl": f"s3://models/{FOLDER}",
        "MultiModelConfig": {"ModelCacheSetting": cache},
        "Environment": {"MASKSERVE_DEVICE": "cpu"},
    }
    (variant,) = config["parameters"]["ProductionVariants"]
    assert variant["ModelName"] == model["parameters"]["ModelName"]
    assert endpoint["parameters"]["EndpointName"] == "zoo"


def test_the_same_command_again(bucket: Any) -> None:
    assert "created endpoint zoo" in run(*CREATE, *ON).stderr
    again = run(*CREATE, *ON).stderr
    assert again.count("unchanged: ") == 3 and "created" not in again


def test_models_come_and_go(bucket: Any, horses: Path) -> None:
    assert run("multi-model", "add", *OF, str(horses)).stdout == "horses.tar.gz\n"
    assert "unchanged: " in run("multi-model", "add", *OF, str(horses)).stderr
    assert run("multi-model", "add", *OF, str(horses), "--as", "old/h.tar.gz").stdout == "old/h.tar.gz\n"
    bucket.put_object(Bucket="models", Key="maskserve/zoo/multi-model.txt", Body=b"no model")
    lines = run("multi-model", "list", *OF).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["horses.tar.gz", "old/h.tar.gz"]

    (call,) = calls("multi-model", "remove", *OF, "horses.tar.gz")
    assert call["parameters"] == {"Bucket": "models", "Key": FOLDER + "horses.tar.gz"}
    remove = ("multi-model", "remove", *OF, "horses.tar.gz")
    assert "deleted" in run(*remove).stderr
    assert "unchanged: " in run(*remove).stderr
    assert run("multi-model", "list", *OF).stdout.startswith("old/h.tar.gz\t")


def test_another_model_of_that_name(bucket: Any, horses: Path) -> None:
    bucket.put_object(Bucket="models", Key=FOLDER + "horses.tar.gz", Body=b"old")
    assert "the old one answers until SageMaker unloads it" in run("multi-model", "add", *OF, str(horses)).stderr


def test_what_is_no_model(bucket: Any, tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"no archive")
    run("multi-model", "add", *OF, str(tmp_path / "x.tar.gz"), code=1)
    assert run("multi-model", "list", *OF).stdout == ""


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["remove", *OF, "horses"], "is no path such as"),
        (["remove", *OF, "../horses.tar.gz"], "is no path such as"),
        (["remove", *OF, "/horses.tar.gz"], "is no path such as"),
        (["list", "--name", "zoo"], "--bucket"),
        (["create", *OF], "--instance-type"),
    ],
)
def test_mistakes(args: list[str], problem: str) -> None:
    assert problem in run("multi-model", *args, code=2).output
