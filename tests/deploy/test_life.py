"""The whole life of an endpoint, by the command line in processes of their own: SageMaker's control plane is moto's
server, the endpoint itself our own server, and the client boto3."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.conftest import ROOT, Server, StartServer
from tests.deploy.conftest import CPU, GPU, MANIFEST, REGION

CREATE = ("endpoint", "create", "--instance-type", CPU)


@pytest.fixture(scope="module")
def cloud(start_server: StartServer) -> Server:
    """moto's server, ready."""
    started = start_server(sys.executable, "-m", "tests.deploy.moto_gaps")
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(started.url + "/moto-api/", timeout=5).close()
            return started
        except OSError:
            assert time.monotonic() < end and started.process.poll() is None, started.log.read_text()[-3000:]
            time.sleep(0.1)


@pytest.fixture
def environ(cloud: Server, server: Server, tmp_path: Path) -> dict[str, str]:
    """What the user has set, and the settings file in the folder where the commands run."""
    urllib.request.urlopen(urllib.request.Request(cloud.url + "/moto-api/reset", method="POST"), timeout=10).close()
    (tmp_path / "maskserve.toml").write_text(f'name = "horses"\nbucket = "pictures"\nregion = "{REGION}"\npoll = 0\n')
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": server.url,
    }


@pytest.mark.timeout(300)
def test_from_nothing_to_an_endpoint_and_back(
    environ: dict[str, str], tmp_path: Path, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def deploy(*args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deploy", *args]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=100)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def status(code: int = 0) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(deploy("endpoint", "status", code=code).stdout)
        return answer

    ecr, s3 = boto3.client("ecr", REGION), boto3.client("s3", REGION)
    ecr.create_repository(repositoryName="maskserve")
    ecr.put_image(repositoryName="maskserve", imageManifest=json.dumps(MANIFEST), imageTag="latest")
    s3.create_bucket(Bucket="pictures", CreateBucketConfiguration={"LocationConstraint": REGION})

    # Forgotten: the role. Nothing is made; then, step by step, everything is.
    assert "`role create` makes one" in deploy(*CREATE, code=1).stderr
    assert deploy("role", "create").stdout.strip().endswith(":role/maskserve-horses")
    first = deploy(*CREATE).stderr
    assert "created endpoint horses" in first and "endpoint horses: InService" in first
    assert "unchanged: endpoint horses" in deploy(*CREATE).stderr
    config = status()["EndpointConfigName"]

    answer = boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName="horses", ContentType="image/jpeg", Accept="application/json", Body=astronaut
    )
    assert any(label.startswith("person ") for label in json.load(answer["Body"])["labels"])

    model = tmp_path / "model"
    model.mkdir()
    (model / "model.json").write_text('{"architecture": "maskrcnn_resnet50_fpn_v2"}')
    (model / "model.safetensors").write_bytes(b"weights")
    changed = ("endpoint", "update", "--instance-type", GPU, "--model", "model", "--rollout", "canary")
    second = deploy(*changed, "--rollback-on-errors").stderr
    assert "update of endpoint horses" in second and f"deleted endpoint configuration {config}" in second
    assert status()["EndpointConfigName"] != config
    assert "unchanged: endpoint horses" in deploy(*changed).stderr

    deploy("destroy", "--yes", "--files", "pictures", "--images", "maskserve")
    assert "nothing is left" in deploy("destroy", "--files", "pictures", "--images", "maskserve").stderr
    assert status(code=1)["EndpointStatus"] is None
    sagemaker = boto3.client("sagemaker", REGION)
    assert sagemaker.list_models()["Models"] == sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert boto3.client("iam").list_roles()["Roles"] == []
    assert "Contents" not in s3.list_objects_v2(Bucket="pictures")
