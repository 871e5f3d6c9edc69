"""A model's way to S3: checked, sent once, and the key says what is in it."""

import json
import tarfile
from pathlib import Path

import boto3
import pytest

from tests.deploy.conftest import REGION, Changes, calls, run

TO = ("--name", "horses", "--bucket", "pictures")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder that is a model, but for what its weights say."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"architecture": "maskrcnn_resnet50_fpn_v2"}))
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "notes.txt").write_text("not packed")
    return folder


def test_a_folder_is_packed_and_sent_once(account: None, model: Path, changes: Changes, tmp_path: Path) -> None:
    changes.made = []
    uri = run("package", str(model), *TO).stdout.strip()
    assert uri.startswith("s3://pictures/maskserve/horses/models/") and changes.made == ["PutObject"]
    s3, key = boto3.client("s3", REGION), uri.removeprefix("s3://pictures/")
    s3.download_file("pictures", key, str(tmp_path / "back.tar.gz"))
    with tarfile.open(tmp_path / "back.tar.gz") as tar:
        assert tar.getnames() == ["model.json", "model.safetensors"]
    assert s3.head_object(Bucket="pictures", Key=key)["Metadata"]["sha256"][:16] in key

    again = run("package", str(model), *TO)
    assert again.stdout.strip() == uri and "unchanged" in again.stderr
    assert run("package", str(tmp_path / "back.tar.gz"), *TO).stdout.strip() == uri
    assert changes.made == ["PutObject"]

    (model / "model.safetensors").write_bytes(b"other weights")
    assert run("package", str(model), *TO).stdout.strip() != uri


def test_a_workflow_goes_with_it_and_is_checked(account: None, model: Path, tmp_path: Path) -> None:
    workflow = {"version": "1.0", "inputs": [{"type": "WorkflowImage", "name": "a"}], "steps": [], "outputs": []}
    (model / "workflow.json").write_text(json.dumps(workflow))
    key = run("package", str(model), *TO).stdout.strip().removeprefix("s3://pictures/")
    boto3.client("s3", REGION).download_file("pictures", key, str(tmp_path / "back.tar.gz"))
    with tarfile.open(tmp_path / "back.tar.gz") as tar:
        assert tar.getnames() == ["model.json", "workflow.json", "model.safetensors"]
    (model / "workflow.json").write_text(json.dumps(workflow | {"inputs": []}))
    assert "0 of its inputs are pictures" in run("package", str(model), *TO, code=1).stderr


def test_dry_run(model: Path) -> None:
    (made,) = calls("package", str(model), *TO)
    assert (made["service"], made["operation"]) == ("s3", "PutObject")
    assert made["parameters"]["Bucket"] == "pictures" and made["parameters"]["ChecksumAlgorithm"] == "SHA256"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("weights.pth", b"any", "give --architecture"),
        ("model.tar.gz", b"any", "is not a whole .tar.gz of a model"),
    ],
)
def test_no_model(name: str, content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert problem in run("--dry-run", "package", str(tmp_path / name), *TO, code=1).stderr


def test_no_bucket(mocked: None, model: Path) -> None:
    assert "`aws s3 mb s3://pictures --region eu-central-1` makes it" in run("package", str(model), *TO, code=1).stderr


def test_a_folder_without_model_json(tmp_path: Path) -> None:
    assert "holds no model.json" in run("--dry-run", "package", str(tmp_path), *TO, code=1).stderr


def test_endpoint_create_takes_a_folder(account: None, model: Path) -> None:
    run("endpoint", "create", *TO, "--instance-type", "ml.m5.xlarge", "--model", str(model))
    sagemaker = boto3.client("sagemaker", REGION)
    (made,) = sagemaker.list_models()["Models"]
    data = sagemaker.describe_model(ModelName=made["ModelName"])["PrimaryContainer"]["ModelDataUrl"]
    assert data == run("package", str(model), *TO).stdout.strip()
