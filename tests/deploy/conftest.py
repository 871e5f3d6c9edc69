"""The command line against moto: in this process, or as a server for a process of its own."""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import botocore.session
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from moto import mock_aws

from deploy import recorder
from deploy.aws import Aws
from deploy.cli import main
from tests.deploy import moto_gaps

REGION = "eu-central-1"
ACCOUNT = "123456789012"  # moto's
DIGEST = "1" * 64
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 9, "digest": f"sha256:{DIGEST}"},
    "layers": [{"mediaType": "any", "size": 5, "digest": f"sha256:{DIGEST}"}],
}
# Of the instance types that moto knows.
CPU, GPU = "ml.m5.xlarge", "ml.g4dn.xlarge"

moto_gaps.fill()


@pytest.fixture(scope="package", autouse=True)
def _one_loader() -> Iterator[None]:
    """Every session reads botocore's service models from disk anew, a second for the larger ones: once will do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield


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
def mocked() -> Iterator[None]:
    """An empty account in this process."""
    with mock_aws():
        yield


@pytest.fixture
def account(mocked: None) -> None:
    """An account with an image, a bucket and the role of the deployment `horses`."""
    furnish()


def furnish(**manifest: Any) -> None:
    """Put the image (its manifest changed as told), the bucket `pictures` and the role into the account."""
    ecr = boto3.client("ecr", REGION)
    ecr.create_repository(repositoryName="maskserve")
    ecr.put_image(repositoryName="maskserve", imageManifest=json.dumps(MANIFEST | manifest), imageTag="latest")
    boto3.client("s3", REGION).create_bucket(
        Bucket="pictures", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    run("role", "create", "--name", "horses", "--bucket", "pictures")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some, for a server of ours."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "dummy")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "dummy")


def run(*args: str, aws: Aws | None = None, code: int | None = 0) -> Result:
    """`python -m deploy ARGS`, without waiting between two looks at a status; `aws` brings stubbed clients."""
    result = CliRunner().invoke(main, ["--poll", "0", *args], obj=aws, prog_name="python -m deploy")
    assert code is None or result.exit_code == code, f"{result.output}\n{result.exception!r}"
    return result


def calls(*args: str) -> list[dict[str, Any]]:
    """What `--dry-run` prints: one call a line."""
    return [json.loads(line) for line in run("--dry-run", *args).stdout.splitlines()]


@dataclass
class Changes:
    """The changes that were asked of AWS, by operation; the one numbered `fail_at` fails, or any call by its number."""

    made: list[str] = field(default_factory=list)
    fail_at: int = -1
    answer_lost: bool = False  # then it is made all the same, as where the network fails on the way back
    asked: int = 0  # all calls, reads too
    fail_at_call: int = -1

    def __call__(self, client: Any, operation: str, parameters: Any, call: Callable[..., Any]) -> Any:
        self.asked += 1
        if self.asked - 1 == self.fail_at_call:
            raise ClientError({"Error": {"Code": "InternalFailure", "Message": "as the test wants it"}}, operation)
        if operation.startswith(recorder.READS):
            return call(client, operation, parameters)
        self.made.append(operation)
        fails = len(self.made) - 1 == self.fail_at
        answer = None if fails and not self.answer_lost else call(client, operation, parameters)
        if fails:
            raise ClientError({"Error": {"Code": "InternalFailure", "Message": "as the test wants it"}}, operation)
        return answer


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> Changes:
    """Counts every client's changes, and makes one fail."""
    counted, call = Changes(), botocore.client.BaseClient._make_api_call
    monkeypatch.setattr(
        botocore.client.BaseClient,
        "_make_api_call",
        lambda client, operation, parameters: counted(client, operation, parameters, call),
    )
    return counted


def left() -> dict[str, list[str]]:
    """What is there in the account of SageMaker, by kind."""
    client = boto3.client("sagemaker", REGION)
    return {
        "endpoints": [e["EndpointName"] for e in client.list_endpoints()["Endpoints"]],
        "configs": [c["EndpointConfigName"] for c in client.list_endpoint_configs()["EndpointConfigs"]],
        "models": [m["ModelName"] for m in client.list_models()["Models"]],
    }
