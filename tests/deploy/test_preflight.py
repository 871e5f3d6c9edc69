"""What is found out about image, role and model before anything is made."""

import boto3
import pytest
from botocore.exceptions import ClientError

from deploy import preflight
from deploy.aws import Aws
from deploy.errors import DeployError
from deploy.hosting import Hosting, Variant
from tests.deploy.conftest import ACCOUNT, CPU, REGION, furnish

URI = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/maskserve"
OCI = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def aws(mocked: None) -> Aws:
    return Aws(region=REGION)


@pytest.mark.parametrize("tag", ["", ":latest"])
def test_a_tag_becomes_a_digest(aws: Aws, tag: str) -> None:
    furnish()
    pinned = preflight.image(aws, URI + tag)
    assert pinned.startswith(f"{URI}@sha256:")
    assert preflight.image(aws, pinned) == pinned


@pytest.mark.parametrize(
    ("manifest", "uri", "problem"),
    [
        ({"mediaType": OCI}, URI, "oci.image.manifest.v1.json, which SageMaker refuses.*--provenance=false"),
        ({"layers": [{"size": 6 * 10**9, "digest": "sha256:1"}] * 2}, URI, "12.0 GB compressed; 10 GB are allowed"),
        ({}, URI + ":other", "is not there; `image push`"),
        ({}, URI.replace("maskserve", "other"), "is not there; `image push`"),
        ({}, URI.replace(REGION, "us-east-1"), "lies in us-east-1"),
    ],
    ids=["OCI", "too large", "tag", "repository", "region"],
)
def test_images_that_sagemaker_refuses(aws: Aws, manifest: dict[str, object], uri: str, problem: str) -> None:
    furnish(**manifest)
    with pytest.raises(DeployError, match=problem):
        preflight.image(aws, uri)


def test_an_image_elsewhere_is_passed_over(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert preflight.image(aws, "ghcr.io/me/maskserve:1") == "ghcr.io/me/maskserve:1"
    assert "does not lie in ECR" in capsys.readouterr().err


def test_what_may_not_be_looked_at_is_passed_over(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "any")

    looks = (("ecr", "batch_get_image"), ("iam", "get_role"), ("s3", "head_bucket"), ("s3", "head_object"))
    for service, call in looks:
        monkeypatch.setattr(aws.client(service), call, refuse)
    arn = f"arn:aws:iam::{ACCOUNT}:role/horses"
    assert preflight.image(aws, URI) == URI
    assert preflight.role(aws, "horses") == preflight.role(aws, arn) == arn
    preflight.model_data(aws, "s3://pictures/model.tar.gz")
    assert capsys.readouterr().err.count("is not checked: you may not look at it") == 5


def test_roles(aws: Aws) -> None:
    furnish()
    boto3.client("iam").create_role(RoleName="other", AssumeRolePolicyDocument='{"Principal": "ec2.amazonaws.com"}')
    arn = f"arn:aws:iam::{ACCOUNT}:role/maskserve-horses"
    assert preflight.role(aws, "maskserve-horses") == preflight.role(aws, arn) == arn
    with pytest.raises(DeployError, match="there is no role nobody; `role create`"):
        preflight.role(aws, "nobody")
    with pytest.raises(DeployError, match="role other does not trust sagemaker.amazonaws.com"):
        preflight.role(aws, "other")


def test_models(aws: Aws) -> None:
    furnish()
    boto3.client("s3", REGION).put_object(Bucket="pictures", Key="model.tar.gz", Body=b"any")
    preflight.model_data(aws, "s3://pictures/model.tar.gz")
    preflight.model_data(aws, "s3://pictures/many/")
    boto3.client("s3", "us-east-1").create_bucket(Bucket="overseas")
    with pytest.raises(DeployError, match="bucket overseas is in us-east-1"):
        preflight.model_data(aws, "s3://overseas/model.tar.gz")
    with pytest.raises(DeployError, match="there is no bucket nowhere"):
        preflight.model_data(aws, "s3://nowhere/model.tar.gz")
    with pytest.raises(DeployError, match="there is no s3://pictures/other.tar.gz"):
        preflight.model_data(aws, "s3://pictures/other.tar.gz")
    with pytest.raises(DeployError, match="is not an address in S3"):
        preflight.model_data(aws, "https://pictures/model.tar.gz")


@pytest.mark.parametrize(
    ("instance_type", "instances", "said"),
    [
        (CPU, 4, "real-time: a request may have 25 MB and 60 s"),
        (CPU, 5, "'ml.m5.xlarge for endpoint usage' is 4 in eu-central-1, and 5 are wanted"),
        ("ml.m5.xlagre", 1, "ml.m5.xlagre is new to this boto3; is ml.m5.xlarge meant?"),
        ("ml.z9.big", 1, "ml.z9.big is new to this boto3"),
    ],
    ids=["fits", "quota", "typing mistake", "unknown"],
)
def test_advice(aws: Aws, instance_type: str, instances: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    variant = Variant("AllTraffic", "image", instance_type=instance_type, instances=instances)
    try:
        preflight.advise(aws, Hosting("horses", "role", (variant,)))
        text = capsys.readouterr().err
    except DeployError as error:
        text = error.message
    assert said in text
