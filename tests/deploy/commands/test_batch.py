"""`batch`: the call that starts a job, the same command again, the answers, and jobs that go wrong."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deploy.aws import Aws
from tests.deploy.conftest import REGION, calls, run

START = (
    "batch", "start", "--model", "horses", "--input-prefix", "s3://photos/in/", "--output-prefix", "s3://photos/out",
    "--instance-type", "ml.m5.xlarge",
)  # fmt: skip
REQUEST = {
    "ModelName": "horses",
    "MaxConcurrentTransforms": 4,
    "MaxPayloadInMB": 25,
    "BatchStrategy": "SingleRecord",
    "ModelClientConfig": {"InvocationsTimeoutInSeconds": 600, "InvocationsMaxRetries": 1},
    "Environment": {
        "SAGEMAKER_MODEL_SERVER_TIMEOUT": "595",
        "MASKSERVE_DEFAULT_ATTRIBUTES": '{"confidence":0.3,"on_error":"placeholder"}',
    },
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://photos/in/"}},
        "ContentType": "image/jpeg",
        "CompressionType": "None",
        "SplitType": "None",
    },
    "TransformOutput": {"S3OutputPath": "s3://photos/out", "Accept": "image/png", "AssembleWith": "None"},
    "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 2},
}


@pytest.fixture
def account(mocked: None) -> Any:
    """A model, and a bucket of photos; the client of S3."""
    boto3.client("sagemaker", region_name=REGION).create_model(
        ModelName="horses", ExecutionRoleArn="arn:aws:iam::123456789012:role/x", PrimaryContainer={"Image": "x"}
    )
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("in/", "in/a.jpg", "in/b/c.png", "in/bad.jpg", "in/lost.jpg"):
        s3.put_object(Bucket="photos", Key=key, Body=b"photo")
    return s3


def job(status: str, **more: Any) -> dict[str, Any]:
    """What DescribeTransformJob answers."""
    named = {"TransformJobName": "j", "TransformJobArn": "arn:aws:sagemaker:x:123456789012:transform-job/j"}
    return {**named, "TransformJobStatus": status, "CreationTime": datetime(2026, 1, 1, tzinfo=UTC), **REQUEST, **more}


def stubbed(*answers: tuple[str, dict[str, Any]]) -> Aws:
    """An account in which SageMaker answers what is given, in this order."""
    aws = Aws(region=REGION, poll=0)
    stubber = Stubber(aws.client("sagemaker"))
    for operation, answer in answers:
        stubber.add_response(operation, answer)
    stubber.activate()
    return aws


def test_the_call() -> None:
    options = ("--response-type", "png", "--confidence", "0.3", "--instance-count", "2", "--job", "j")
    tag = [{"Key": "maskserve:deployment", "Value": "horses"}]
    assert calls(*START, *options) == [
        {
            "service": "sagemaker",
            "operation": "CreateTransformJob",
            "parameters": {"TransformJobName": "j", **REQUEST, "Tags": tag},
        }
    ]


def test_the_same_command_finds_its_job_again(account: Any) -> None:
    first, again = run(*START), run(*START)
    assert "created transform job" in first.stderr and "is Completed" not in first.stderr
    assert "unchanged: transform job" in again.stderr
    assert first.stdout == again.stdout
    assert run(*START, "--confidence", "0.3").stdout != first.stdout


def test_a_name_that_another_job_has(account: Any) -> None:
    run(*START, "--job", "j")
    text = run(*START, "--job", "j", "--instance-count", "2", code=1).stderr
    assert "transform job j exists and cannot be changed: TransformResources.InstanceCount: 1 → 2" in text


def test_of_a_deployment(account: Any) -> None:
    """The endpoint's model, and folders that its role may use; a job has its own."""
    sagemaker = boto3.client("sagemaker", region_name=REGION)
    sagemaker.create_endpoint_config(
        EndpointConfigName="c",
        ProductionVariants=[
            {"VariantName": "a", "ModelName": "horses", "InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1}
        ],
    )
    sagemaker.create_endpoint(EndpointName="zoo", EndpointConfigName="c")
    (call,) = calls("batch", "start", "--name", "zoo", "--bucket", "photos", "--instance-type", "ml.m5.xlarge")
    made = call["parameters"]
    assert made["ModelName"] == "horses" and made["Tags"][0]["Value"] == "zoo"
    assert made["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] == "s3://photos/maskserve/zoo/input/"
    assert made["TransformOutput"]["S3OutputPath"] == f"s3://photos/maskserve/zoo/output/{made['TransformJobName']}/"


@pytest.mark.parametrize(
    ("own", "args", "expected"),
    [
        ("", [], {"on_error": "placeholder"}),
        ("", ["--on-error", "fail"], None),
        ('{"confidence": 0.2, "masks": "rle"}', [], {"confidence": 0.2, "masks": "rle", "on_error": "placeholder"}),
        ('{"confidence": 0.2}', ["--confidence", "0.3", "--on-error", "fail"], {"confidence": 0.3}),
    ],
)
def test_the_models_own_attributes_hold_where_the_job_says_nothing(
    mocked: None, own: str, args: list[str], expected: Any
) -> None:
    container = {"Image": "x", "Environment": {"MASKSERVE_DEFAULT_ATTRIBUTES": own} if own else {}}
    boto3.client("sagemaker", region_name=REGION).create_model(
        ModelName="horses", ExecutionRoleArn="arn:aws:iam::123456789012:role/x", PrimaryContainer=container
    )
    (call,) = calls(*START, *args)
    text = call["parameters"]["Environment"].get("MASKSERVE_DEFAULT_ATTRIBUTES")
    assert (text and json.loads(text)) == expected


def test_no_such_model(mocked: None) -> None:
    assert "there is no model horses" in run(*START, code=1).stderr
    start = ("batch", "start", "--name", "zoo", "--bucket", "photos", "--instance-type", "ml.m5.xlarge")
    assert "endpoint zoo is not there: give --model" in run(*start, code=1).stderr


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--max-concurrent", "5"], "is 125; SageMaker allows 100"),
        (["--job", "a_b"], "does not match"),
        (["--input-prefix", "photos/in"], "is not an address in S3"),
        (["--attributes", "x"], "takes a JSON object"),
    ],
)
def test_mistakes(account: Any, args: list[str], problem: str) -> None:
    assert problem in run(*START, *args, code=2).output


def test_where() -> None:
    start = ("batch", "start", "--model", "horses", "--instance-type", "ml.m5.xlarge")
    assert "where? --input-prefix" in run(*start, "--name", "zoo", code=2).output
    assert "where? --input-prefix" in run(*start, "--input-prefix", "s3://photos/in", code=2).output


def test_a_job_that_fails_says_why(account: Any) -> None:
    failed = job("Failed", FailureReason="ClientError: 1 of 4 requests failed")
    container = {"PrimaryContainer": {"Image": "x"}, "ModelName": "horses", "ModelArn": "arn:aws:sagemaker:x:1:model/h"}
    model = {**container, "CreationTime": datetime(2026, 1, 1, tzinfo=UTC)}
    jobs = (("describe_transform_job", job("InProgress")), ("describe_transform_job", failed))
    aws = stubbed(("describe_model", model), *jobs)
    same = ("--response-type", "png", "--confidence", "0.3", "--instance-count", "2", "--job", "j")
    text = run(*START, *same, aws=aws, code=1).stderr
    assert "unchanged: transform job j" in text
    assert "transform job j is Failed: ClientError: 1 of 4 requests failed" in text


def test_status() -> None:
    begun = datetime(2026, 1, 1, 12, tzinfo=UTC)
    done = job("Completed", TransformStartTime=begun, TransformEndTime=begun + timedelta(minutes=2))
    text = run("batch", "status", "j", aws=stubbed(("describe_transform_job", done))).stdout
    assert text.splitlines() == [
        "status   Completed",
        "model    horses",
        "from     s3://photos/in/",
        "to       s3://photos/out",
        "on       2 × ml.m5.xlarge",
        "started  2026-01-01 12:00:00 UTC",
        "took     120 s",
    ]


def test_stop() -> None:
    answers = [("stop_transform_job", {}), *(("describe_transform_job", job(s)) for s in ("Stopping", "Stopped"))]
    aws = stubbed(("describe_transform_job", job("InProgress")), *answers)
    assert "stopping transform job j" in run("batch", "stop", "j", aws=aws).stderr
    aws = stubbed(("describe_transform_job", job("Completed")))
    assert "unchanged: transform job j is Completed" in run("batch", "stop", "j", aws=aws).stderr


def test_no_such_job(account: Any) -> None:
    for name in ("status", "stop", "fetch"):
        assert "there is no transform job j" in run("batch", name, "j", code=1).stderr


def test_fetch(account: Any) -> None:
    run(*START, "--job", "j", "--response-type", "png")
    error = {"error": {"code": "bad_image", "message": "no picture"}}
    outputs = {"a.jpg": b"\x89PNG\r\n\x1a\n1", "b/c.png": b"\x89PNG\r\n\x1a\n2", "bad.jpg": json.dumps(error).encode()}
    for name, data in outputs.items():
        account.put_object(Bucket="photos", Key=f"out/{name}.out", Body=data)
    account.put_object(Bucket="photos", Key="outer.out", Body=b"not of this job")

    result = run("batch", "fetch", "j", code=1)
    assert result.stderr.splitlines() == [
        "bad.jpg: bad_image: no picture",
        "lost.jpg: the job has no answer for it",
        "2 of 4 answered, in j/, 2 failed",
    ]
    assert Path("j/b/c.png.png").read_bytes() == outputs["b/c.png"]
    assert sorted(p.name for p in Path("j").rglob("*.*")) == ["a.jpg.png", "c.png.png"]

    Path("j/a.jpg.png").write_bytes(b"kept")
    for name in ("bad.jpg", "lost.jpg"):
        account.put_object(Bucket="photos", Key=f"out/{name}.out", Body=outputs["a.jpg"])
    assert run("batch", "fetch", "j").stderr == "4 of 4 answered, in j/\n"
    assert Path("j/a.jpg.png").read_bytes() == b"kept"
